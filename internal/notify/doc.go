// Package notify says who is told of what, and in which words: the targets of a
// configuration, what each wants to know (Wants), and the templates of its
// messages. Package delivery sends them.
//
// Three kinds of targets, by the scheme of their URL: webhooks (http, https)
// with a documented and signed body, mail (smtp, smtps), and the chat and push
// services of shoutrrr (slack, teams, discord, telegram, ntfy and the others).
//
// The URL of a target is a secret as a whole, and the libraries repeat it in
// their errors. So whatever comes from them passes through Target.Scrub before
// it is stored or shown. What a server answers is not trusted either: of a
// webhook the status counts and nothing else.
package notify
