// Package delivery sends what is in the outbox to its targets.
//
// Whoever decides something puts notices (run.Notice) into the store's outbox
// in the transaction of the decision, with the names of the targets that want
// them (notify.Wants). From there a Notifier takes them, one delivery per notice and
// target, and sends them until the target has them:
//
//   - At least once. A delivery leaves the outbox after its target took it. A
//     crash in between sends it again, with the same delivery id: in the header
//     Tfops-Delivery of a webhook, in the Message-ID of a mail.
//   - Targets never wait for each other. Each has a lane of its own in which one
//     delivery at a time is sent, oldest first.
//   - An attempt that fails is made again after a minute, two, four and so on,
//     at most six hours, a fifth more or less. After 12 attempts, which is about
//     20 hours, it is a dead letter; so it is after 24 hours and three attempts.
//   - A target that fails is left alone for a minute at first and for five at
//     most. What waits for it meanwhile loses no attempts, and goes out in order
//     once it is back.
//
// The package logs nothing. What happens to deliveries it tells to Options.Tell.
package delivery
