// Package notify tells people and other programs what happened.
//
// Whoever decides something puts notices (run.Notice) into the store's outbox
// in the transaction of the decision, with the names of the targets that want
// them (Wants). From there a Notifier takes them, one delivery per notice and
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
// Three kinds of targets, by the scheme of their URL: webhooks (http, https)
// with a documented and signed body, mail (smtp, smtps), and the chat and push
// services of shoutrrr (slack, teams, discord, telegram, ntfy and the others).
//
// The URL of a target is a secret as a whole, and the libraries repeat it in
// their errors. So whatever comes from them passes through Target.scrub before
// it is stored or shown. What a server answers is not trusted either: of a
// webhook the status counts and nothing else.
//
// The package logs nothing. What happens to deliveries it tells to Options.Tell.
package notify
