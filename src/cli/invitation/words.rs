//! How an invitation is told to people: what is asked, who has joined, what it waits for.

use crate::cli::assurance;
use crate::cli::computation;
use crate::cli::number;
use crate::cli::table::{self, Look, printable};
use crate::control::{ComputationView, InvitationView, PartyView};
use crate::domain::quoted;

/// Characters of a question in a table.
const QUESTION_CHARS: usize = 40;

/// The own value of somebody who has typed it and not said yes.
pub const TYPED: &str = "typed";

/// A value that is there and not sent.
const GIVEN: &str = "given, and kept on this node";

/// What it waits for before it is a computation: "2 of 3 parties have joined"; `None` once it is one.
pub fn waiting(view: &InvitationView) -> Option<String> {
    match view.state.as_str() {
        "open" => {
            let missing = if view.answer == "missing" { "; your value is missing" } else { "" };
            Some(format!("{}{missing}", joined(view)))
        }
        "asks" => Some(format!("all {} parties are there, and wait for your word", view.parties)),
        _ => None,
    }
}

/// "2 of 3 parties have joined".
pub fn joined(view: &InvitationView) -> String {
    let verb = if view.joined == 1 { "has" } else { "have" };
    format!("{} of {} parties {verb} joined", view.joined, view.parties)
}

/// "FZ375MV7, who calls itself `alice`".
pub fn party(party: &PartyView) -> String {
    let who = match (party.you, party.inviter) {
        (true, true) => ", this node, invites",
        (true, false) => ", this node",
        (false, true) => ", invites",
        (false, false) => "",
    };
    if party.name.is_empty() {
        format!("{}{who}", party.uid)
    } else {
        format!("{} (calls itself {}){who}", party.uid, quoted(&party.name))
    }
}

/// Who is in it and until when, where a computation or an invitation is shown in full.
pub fn rows_of_parties(view: &InvitationView) -> Vec<(&'static str, String)> {
    let mut rows = vec![("parties", joined(view))];
    rows.extend(view.roster.iter().map(|one| ("", party(one))));
    if view.quorum < view.parties {
        rows.push(("quorum", format!("{} of {} must answer", view.quorum, view.parties)));
    }
    match (Stage::of(view), &view.deadline) {
        (Stage::Broken, _) => {}
        (_, Some(deadline)) => rows.push(("answers until", table::to_seconds(deadline))),
        (_, None) => rows.push(("answers until", "some time after all have joined".to_owned())),
    }
    if matches!(view.state.as_str(), "open" | "asks") {
        rows.push(("tickets until", table::to_seconds(&view.expires)));
    }
    rows
}

/// What is asked, on what terms, and who is there: before a party agrees.
pub fn asked(view: &InvitationView) -> String {
    let records = match view.max_records {
        1 => "one from each party".to_owned(),
        most => format!("at most {} from each party", number::whole(Look::Plain, most)),
    };
    let mut rows = vec![
        ("asks for", of_what(view)),
        ("values", computation::values(&view.fields, &view.values)),
        ("records", records),
        ("invited by", view.inviter.clone()),
    ];
    rows.extend(rows_of_parties(view));
    rows.extend(assurance::rows_of_invitation(view));
    rows.push(("your value", own_value(view)));
    format!("{}  {}\n{}", view.id, printable(&view.prompt), table::pairs(&rows))
}

/// "sum of value".
pub fn of_what(view: &InvitationView) -> String {
    format!("{} of {}", view.statistic, printable(&view.fields.join(", ")))
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not everybody is there and agreed.
    Open,
    /// Answers come in.
    Running,
    /// The computation has ended, with a result or without.
    Ended,
    /// It ended, and became no computation.
    Broken,
}

impl Stage {
    fn of(view: &InvitationView) -> Self {
        match view.state.as_str() {
            "open" | "asks" => Self::Open,
            "running" => Self::Running,
            "completed" | "failed" => Self::Ended,
            _ => Self::Broken,
        }
    }
}

/// Where the own value comes from, or what has become of it.
fn own_value(view: &InvitationView) -> String {
    let fields = || printable(&view.fields.join(", "));
    match (Stage::of(view), view.answer.as_str()) {
        (Stage::Open, TYPED) => "what you typed, once you say yes".to_owned(),
        (Stage::Open, "given") => GIVEN.to_owned(),
        (Stage::Open, "source") => {
            format!("read from this node's source for {} once everybody is there", fields())
        }
        (Stage::Open, _) => "none yet; `formix-p2p answer` gives it later".to_owned(),
        (Stage::Running | Stage::Ended, "given") => "given".to_owned(),
        (Stage::Running, "source") => format!("read from this node's source for {}", fields()),
        (Stage::Running, "waiting") => "waits for your word; `formix-p2p pending` says why".to_owned(),
        (Stage::Running, _) => "none yet; `formix-p2p answer` gives it".to_owned(),
        (Stage::Ended, _) => "none was given".to_owned(),
        (Stage::Broken, _) => "not used, and not kept: nothing was computed".to_owned(),
    }
}

/// The own answer, where a computation is shown in full: a value may be there long before it is sent.
pub fn own_answer(view: &ComputationView) -> String {
    let kept = view.invitation.as_deref().is_some_and(|invitation| {
        invitation.answer == "given" && matches!(Stage::of(invitation), Stage::Open | Stage::Running)
    });
    if kept && view.own_answer == "none" { GIVEN.to_owned() } else { view.own_answer.clone() }
}

/// What to do where there is no result.
pub fn ask_again(view: &InvitationView) -> String {
    if view.part == "inviter" {
        "ask again with `formix-p2p invite`".to_owned()
    } else {
        format!("ask the inviter, {}, to invite again", view.inviter)
    }
}

/// Invitations, newest first.
pub fn list(look: Look, views: &[InvitationView]) -> String {
    if views.is_empty() {
        return "No invitations: make one with `formix-p2p invite`, or use a ticket with `formix-p2p join`."
            .to_owned();
    }
    let header = ["Computation", "Question", "State", "Joined", "Expires", "Your part", "Your value"];
    let rows = views.iter().map(|view| {
        vec![
            view.id.clone(),
            computation::shortened_to(QUESTION_CHARS, &of_what(view)),
            view.state.clone(),
            format!("{}/{}", view.joined, view.parties),
            table::to_seconds(&view.expires),
            view.part.clone(),
            match Stage::of(view) {
                Stage::Ended | Stage::Broken if view.answer != "given" => "none".to_owned(),
                Stage::Broken => "not used".to_owned(),
                Stage::Open | Stage::Running | Stage::Ended => view.answer.clone(),
            },
        ]
    });
    let table = table::render(look, &header, rows.collect());
    let open = views.iter().filter(|view| waiting(view).is_some()).count();
    format!("{table}\nTotal invitations: {} (Open: {open})\n", views.len())
}

/// One invitation in full, with the tickets that nobody has used, each on a line of its own.
pub fn in_full(view: &InvitationView) -> String {
    let mut rows = vec![("state", view.state.clone()), ("your part", view.part.clone())];
    rows.extend(view.reason.iter().map(|reason| ("reason", printable(reason))));
    rows.extend(view.note.iter().map(|note| ("note", printable(note))));
    let mut text = format!("{}{}", asked(view), table::pairs(&rows));
    for (number, seat) in (1..).zip(&view.tickets) {
        let told = match (&seat.ticket, &seat.holder, seat.joined) {
            (Some(ticket), _, _) => format!("is open:\n{}", ticket.0),
            (None, Some(holder), true) => format!("was used by {holder}, who has joined"),
            (None, Some(holder), false) => format!("was used by {holder}, who has not joined yet"),
            (None, None, _) => "is over".to_owned(),
        };
        text.push_str(&format!("Ticket {number} {told}\n"));
    }
    text
}

#[cfg(test)]
pub(in crate::cli) mod tests {
    use super::*;
    use crate::cli::computation::tests::running;
    use crate::control::{PrivateText, TicketView};

    pub fn of(uid: &str, name: &str) -> PartyView {
        PartyView {
            uid: uid.to_owned(),
            peer_id: String::new(),
            name: name.to_owned(),
            you: false,
            inviter: false,
            agreed: false,
        }
    }

    /// An invitation that two of three parties have joined.
    pub fn open() -> InvitationView {
        let mut roster = vec![of("AAAAAAAA", "alice"), of("BBBBBBBB", "bob")];
        roster[0].inviter = true;
        roster[1].you = true;
        InvitationView {
            id: "COMP-FZ375MV7".to_owned(),
            state: "open".to_owned(),
            part: "invited".to_owned(),
            inviter: "AAAAAAAA".to_owned(),
            prompt: "sum of value".to_owned(),
            statistic: "sum".to_owned(),
            fields: vec!["value".to_owned()],
            values: vec!["a number in steps of 1".to_owned()],
            max_records: 10_000,
            sharing: "additive".to_owned(),
            threshold: None,
            proven: false,
            private_against: 2,
            survives: 0,
            noise: None,
            parties: 3,
            quorum: 3,
            joined: 2,
            roster,
            expires: "2026-01-02T03:04:05.678Z".to_owned(),
            deadline: Some("2026-01-02T03:04:05.678Z".to_owned()),
            answer: "missing".to_owned(),
            tickets: Vec::new(),
            reason: None,
            note: None,
            revision: 1,
        }
    }

    #[test]
    fn what_is_asked_names_terms_and_parties() {
        let text = asked(&open());
        for part in [
            "COMP-FZ375MV7  sum of value",
            "sum of value\n",
            "at most 10000 from each party",
            "2 of 3 parties have joined",
            "AAAAAAAA (calls itself `alice`), invites",
            "BBBBBBBB (calls itself `bob`), this node",
            "private against any 2 of 3 parties",
            "additive, 3 of 3: inputs not proven",
            "none yet; `formix-p2p answer`",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!text.contains("heavy"), "{text}");
    }

    #[test]
    fn a_name_cannot_steer_the_terminal() {
        let mut view = open();
        view.roster[0].name = "\u{1b}[2Jalice\n".to_owned();
        assert!(!asked(&view).contains('\u{1b}'));
        assert_eq!(party(&of("AAAAAAAA", "")), "AAAAAAAA");
    }

    #[test]
    fn a_name_cannot_say_what_only_this_node_says() {
        for name in ["x`), invites (trusted `", "carl), QA2CJK6A (agreed", "x\u{ff40}), this node"] {
            let told = party(&of("BBBBBBBB", name));
            assert!(told.starts_with("BBBBBBBB (calls itself `") && told.ends_with("`)"), "{told}");
            assert_eq!(told.matches('`').count(), 2, "{told}");
        }
        assert_eq!(
            party(&of("BBBBBBBB", "x`), invites (trusted `")),
            "BBBBBBBB (calls itself `x\u{fffd}), invites (trusted \u{fffd}`)"
        );
    }

    #[test]
    fn what_is_said_of_the_own_value_is_of_its_time() {
        let told = |state: &str, answer: &str| {
            let (state, answer) = (state.to_owned(), answer.to_owned());
            let view = InvitationView { state, answer, ..open() };
            (own_value(&view), list(Look::Plain, &[view]).lines().nth(1).unwrap().to_owned())
        };
        for (state, answer, words) in [
            ("open", "missing", "none yet; `formix-p2p answer` gives it later"),
            ("open", "given", "given, and kept on this node"),
            ("asks", "source", "read from this node's source for value once everybody is there"),
            ("running", "missing", "none yet; `formix-p2p answer` gives it"),
            ("completed", "given", "given"),
            ("completed", "missing", "none was given"),
            ("failed", "source", "none was given"),
        ] {
            assert_eq!(told(state, answer).0, words, "{state}, {answer}");
        }
        for state in ["expired", "revoked", "left", "refused"] {
            let (words, line) = told(state, "missing");
            assert!(words.starts_with("not used") && !words.contains("answer"), "{state}: {words}");
            assert!(line.trim_end().ends_with("none"), "{line}");
            let view = InvitationView { state: state.to_owned(), deadline: None, ..open() };
            assert!(!asked(&view).contains("answers until"), "{state}");
        }
    }

    #[test]
    fn a_value_that_is_kept_is_no_missing_answer() {
        let told = |state: &str, answer: &str, own: &str| {
            let (state, answer) = (state.to_owned(), answer.to_owned());
            let invitation = Some(Box::new(InvitationView { state, answer, ..open() }));
            own_answer(&ComputationView { own_answer: own.to_owned(), invitation, ..running() })
        };
        assert_eq!(told("open", "given", "none"), "given, and kept on this node");
        assert_eq!(told("running", "given", "none"), "given, and kept on this node");
        assert_eq!(told("open", "missing", "waiting"), "waiting");
        assert_eq!(told("open", "source", "none"), "none");
        assert_eq!(told("completed", "given", "answered"), "answered");
        assert_eq!(told("revoked", "missing", "none"), "none");
        assert_eq!(own_answer(&running()), "answered");
    }

    #[test]
    fn only_who_invites_is_told_to_invite() {
        let inviter = InvitationView { part: "inviter".to_owned(), ..open() };
        assert_eq!(ask_again(&inviter), "ask again with `formix-p2p invite`");
        for part in ["invited", "looking"] {
            let view = InvitationView { part: part.to_owned(), ..open() };
            assert_eq!(ask_again(&view), "ask the inviter, AAAAAAAA, to invite again");
        }
    }

    #[test]
    fn open_tickets_stand_on_lines_of_their_own() {
        let mut view = open();
        let ticket = |ticket: Option<&str>, holder: Option<&str>, joined| TicketView {
            ticket: ticket.map(|text| PrivateText(text.to_owned())),
            holder: holder.map(str::to_owned),
            joined,
        };
        view.tickets = vec![ticket(Some("formix1abc"), None, false), ticket(None, Some("BBBBBBBB"), true)];
        let text = in_full(&view);
        assert!(text.contains("Ticket 1 is open:\nformix1abc\n"), "{text}");
        assert!(text.ends_with("Ticket 2 was used by BBBBBBBB, who has joined\n"), "{text}");
    }

    #[test]
    fn a_list_counts_what_is_open() {
        let (open, mut over) = (open(), open());
        over.state = "revoked".to_owned();
        let text = list(Look::Plain, &[open, over]);
        assert!(text.contains("2/3") && text.ends_with("Total invitations: 2 (Open: 1)\n"), "{text}");
        assert!(list(Look::Plain, &[]).contains("formix-p2p invite"));
    }
}
