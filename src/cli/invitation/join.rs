//! `join`: take the seat that a ticket stands for, after a look at who is there.

use clap::Args;
use serde_json::{Value, json};

use super::follow::{self, Commands};
use super::{over_two, typed, words};
use crate::cli::args::Context;
use crate::cli::computation;
use crate::cli::confirm::{Consent, confirm};
use crate::cli::consent::unread;
use crate::cli::nodes::Chosen;
use crate::cli::output::Format;
use crate::cli::problem::Problem;
use crate::cli::table::Look;
use crate::cli::wait::{Interrupt, unexpected};
use crate::control::{Agreement, ComputationView, InvitationView, Joining, PrivateText, Reply, Request};

/// Join the computation that a ticket invites to
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p join formix1…                               shows what is asked and by whom, and asks
  formix-p2p join                                        on a terminal: asks for the ticket as well
  formix-p2p join - < ticket.txt                         the ticket stays out of the shell's history
  formix-p2p join formix1… --yes --value 7               with whoever else is invited
  formix-p2p join formix1… --with FZ375MV7 --wait        only with the inviter and FZ375MV7

Nothing is agreed, and no value leaves this node, before you have said yes to who is there. If others join after that, you \
are asked about them too. The seat is kept for this node as soon as it has looked; `formix-p2p decline COMPUTATION` leaves it.

What is typed after --value stays in your shell's history, and `ps` shows it while this command goes on. Leave it out \
to be asked for it on a terminal, to have it read from the node's source, or to give it later with `formix-p2p \
answer`; --value - reads a line of standard input.")]
pub struct Join {
    /// The line that `formix-p2p invite` printed, whole or in the pieces that mail has made of it; - reads it from
    /// standard input
    #[arg(value_name = "TICKET", value_parser = unread, num_args = 0..)]
    ticket: Vec<PrivateText>,
    /// Your private value, once for each field: a number, a category, or [1,2,3] for several records; - reads it from
    /// standard input. It stays in your shell's history
    #[arg(long, value_name = "V", allow_hyphen_values = true, value_parser = unread)]
    value: Vec<PrivateText>,
    /// Compute with these parties without asking, and with nobody else: PeerIds, or UIDs in full; names are
    /// not taken
    #[arg(long, value_name = "NODE", num_args = 1..)]
    with: Vec<String>,
    /// Compute with whoever else is invited, without asking
    #[arg(long)]
    yes: bool,
    /// What the other parties see you called [default: the node's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Wait for the result; on a terminal the default
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Do not wait for the result
    #[arg(long)]
    no_wait: bool,
}

impl Join {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let output = context.output;
        let said = self.said();
        if output.format == Format::Json && said.is_none() {
            return Err(Problem::usage(
                "confirmation_needed",
                "with --json nobody is asked with whom to compute",
                "pass --yes for whoever else is invited, or name the parties after --with",
            ));
        }
        let ticket = typed::ticket(output, &self.ticket)?;
        let values = typed::values(&self.value)?;
        let chosen = context.acting_party().await?;
        let mut seat = Seat {
            context,
            commands: Commands::of(context, &chosen.id.uid).await?,
            chosen,
            ticket,
            name: self.name.clone(),
            interrupt: Interrupt::heard(),
        };
        let joined = match said {
            Some(consent) => {
                let joined = seat.take(consent, values).await?;
                seat.warn(&joined);
                joined
            }
            None => seat.asked(values).await?,
        };
        if self.wait || (output.is_interactive() && !self.no_wait) {
            seat.tell(&joined);
            let Seat { chosen, interrupt, commands, .. } = seat;
            let view = follow::to_the_end(context, &chosen.client, &joined.id, interrupt, &commands).await?;
            output.answer(&both(&joined, &view), || computation::told(Look::of_stdout(), &view));
            return Ok(());
        }
        output.answer(&joined, || format!("{}  {}", joined.id, words::joined(&joined)));
        seat.tell(&joined);
        Ok(())
    }

    /// What was said on the command line about the other parties.
    fn said(&self) -> Option<Agreement> {
        match (self.with.as_slice(), self.yes) {
            ([], true) => Some(Agreement::Anybody),
            ([], false) => None,
            (with, _) => Some(Agreement::Only(with.to_vec())),
        }
    }
}

/// A seat that is being taken.
struct Seat<'a> {
    context: &'a Context,
    commands: Commands,
    chosen: Chosen,
    ticket: PrivateText,
    name: Option<String>,
    interrupt: Interrupt,
}

impl Seat<'_> {
    async fn take(&self, consent: Agreement, values: Vec<PrivateText>) -> Result<InvitationView, Problem> {
        let (ticket, name) = (self.ticket.clone(), self.name.clone());
        let joining = Joining { ticket, consent, name, values };
        match self.chosen.client.request(Request::Join(Box::new(joining))).await? {
            Reply::Joined(view) => Ok(*view),
            _ => Err(unexpected()),
        }
    }

    /// Looks, shows, asks, and then agrees to those who were shown.
    async fn asked(&mut self, mut values: Vec<PrivateText>) -> Result<InvitationView, Problem> {
        let output = self.context.output;
        let mut seen = self.take(Agreement::Look, Vec::new()).await?;
        if !values.is_empty() {
            seen.answer = words::TYPED.to_owned();
        }
        output.note(format!("\n{}", words::asked(&seen).trim_end()));
        self.warn(&seen);
        let question = question(&seen);
        let asked = move || confirm(output, Consent::Ask, &question);
        match follow::or_interrupted(&mut self.interrupt, asked).await {
            Some(Ok(())) => {}
            Some(Err(problem)) => return Err(self.declined(problem, &seen)),
            None => self.leave(&seen),
        }
        let agreed: Vec<_> = seen.roster.iter().filter(|party| !party.you).collect();
        let agreed: Vec<_> = agreed.into_iter().map(|party| party.peer_id.clone()).collect();
        let asks_for_value = values.is_empty() && seen.answer == "missing" && output.is_interactive();
        loop {
            if asks_for_value {
                let fields = seen.fields.clone();
                let typed =
                    follow::or_interrupted(&mut self.interrupt, move || typed::ask_values(&fields)).await;
                values = match typed {
                    Some(typed) => typed.unwrap_or_default(),
                    None => self.leave(&seen),
                };
            }
            match self.take(Agreement::Only(agreed.clone()), values.clone()).await {
                Err(problem) if asks_for_value => typed::another_value(output, problem)?,
                done => return done,
            }
        }
    }

    /// What the result may tell of each party.
    fn warn(&self, view: &InvitationView) {
        if let Some(told) = over_two::of_invitation(view) {
            self.context.output.note(over_two::note(&told));
        }
    }

    /// The same refusal, with what it leaves.
    fn declined(&self, problem: Problem, seen: &InvitationView) -> Problem {
        if problem.code != "not_confirmed" {
            return Problem { hint: "answer `y`, or pass --yes or --with".to_owned(), ..problem };
        }
        let (message, hint) = self.without_a_yes(seen);
        Problem { message, hint, ..problem }
    }

    /// Ends the command without a yes.
    fn leave(&self, seen: &InvitationView) -> ! {
        let (message, hint) = self.without_a_yes(seen);
        self.context.output.note(format!("\n{message}; {hint}"));
        std::process::exit(crate::cli::asking::INTERRUPTED)
    }

    /// What holds where nobody has said yes this time, and what to do next.
    fn without_a_yes(&self, seen: &InvitationView) -> (String, String) {
        let id = &seen.id;
        let decline = self.commands.of_words(&format!("decline {id}"));
        match Earlier::of(seen) {
            Earlier::Nothing => {
                let join = self.commands.of_words("join TICKET");
                let message = "nothing was agreed, and nothing was sent of your value".to_owned();
                let kept = "the seat is kept for this node";
                (message, format!("`{join}` asks again: {kept}, until `{decline}` leaves it"))
            }
            Earlier::Yes => {
                let message =
                    format!("nothing new was agreed, but the yes that was said earlier to {id} holds");
                (message, format!("`{decline}` leaves it, and takes that yes back"))
            }
            Earlier::Bound => {
                let message = format!("the yes that was said earlier to {id} holds: everybody is in it");
                let status = self.commands.of_words(&format!("status {id}"));
                (
                    message,
                    format!("that is signed, and nobody can leave any more; `{status}` shows how far it is"),
                )
            }
        }
    }

    /// What the owner may have to do next.
    fn tell(&self, view: &InvitationView) {
        let (output, id) = (self.context.output, &view.id);
        if let Some(note) = &view.note {
            output.note(crate::cli::table::printable(note));
        }
        if view.answer == "missing" {
            let answer = self.commands.of_words(&format!("answer {id} VALUE"));
            output.note(format!("your value is missing: `{answer}`"));
        }
        if view.state == "asks" {
            let approve = self.commands.of_words(&format!("approve {id}"));
            output.note(format!("all are there, and some of them are new to you: `{approve}` agrees to them"));
        }
        output.note(format!("see `{}`", self.commands.of_words(&format!("invitations {id}"))));
    }
}

/// What a person is asked: about those who are there, and about those who are still to come, if anybody is.
fn question(seen: &InvitationView) -> String {
    let others: Vec<_> = seen.roster.iter().filter(|party| !party.you).collect();
    let to_come = usize::try_from(seen.parties).unwrap_or(usize::MAX).saturating_sub(others.len() + 1);
    match (to_come, others.as_slice()) {
        (0, [one]) => format!("Take part, with {}?", one.uid),
        (0, _) => "Take part, with them?".to_owned(),
        (1, _) => "Take part? You are asked again about the one who joins later.".to_owned(),
        (2.., _) => "Take part? You are asked again about those who join later.".to_owned(),
    }
}

/// What this node's owner had agreed to before it was asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Earlier {
    Nothing,
    /// Its seat is agreed to, and can still be left.
    Yes,
    /// Everybody is there and has signed.
    Bound,
}

impl Earlier {
    fn of(seen: &InvitationView) -> Self {
        match (seen.part.as_str(), seen.state.as_str()) {
            ("invited", "open" | "asks") => Self::Yes,
            (_, "running" | "completed" | "failed") => Self::Bound,
            _ => Self::Nothing,
        }
    }
}

/// What is said without `--wait`, and what `status` gives.
fn both(joined: &InvitationView, view: &ComputationView) -> Value {
    let mut all = json!(view);
    // Who has joined is known best at the end.
    let latest = view.invitation.as_deref().unwrap_or(joined);
    if let Value::Object(all) = &mut all {
        all.insert("joined".to_owned(), latest.joined.into());
        all.insert("parties".to_owned(), latest.parties.into());
    }
    all
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        join: Join,
    }

    fn typed(words: &[&str]) -> Join {
        Line::try_parse_from(["join"].iter().chain(words)).unwrap().join
    }

    #[test]
    fn who_is_named_limits_who_is_said_yes_to() {
        assert_eq!(typed(&["T"]).said(), None);
        assert_eq!(typed(&["T", "--yes"]).said(), Some(Agreement::Anybody));
        let only = Some(Agreement::Only(vec!["A".to_owned(), "B".to_owned()]));
        assert_eq!(typed(&["T", "--with", "A", "B"]).said(), only);
        assert_eq!(typed(&["T", "--with", "A", "--with", "B", "--yes"]).said(), only);
    }

    #[test]
    fn a_no_says_whether_an_earlier_yes_holds() {
        let seen = |part: &str, state: &str| {
            let (part, state) = (part.to_owned(), state.to_owned());
            Earlier::of(&InvitationView { part, state, ..words::tests::open() })
        };
        assert_eq!(seen("looking", "open"), Earlier::Nothing);
        assert_eq!(seen("invited", "open"), Earlier::Yes);
        assert_eq!(seen("invited", "asks"), Earlier::Yes);
        assert_eq!(seen("invited", "left"), Earlier::Nothing);
        assert_eq!(seen("invited", "running"), Earlier::Bound);
    }

    #[test]
    fn whoever_takes_the_last_seat_is_not_told_of_others_to_come() {
        let seen = |parties, others: usize| {
            let roster = ["AAAAAAAA", "BBBBBBBB", "CCCCCCCC"].map(|uid| words::tests::of(uid, ""));
            question(&InvitationView { parties, roster: roster[..others].to_vec(), ..words::tests::open() })
        };
        assert_eq!(seen(2, 1), "Take part, with AAAAAAAA?");
        assert_eq!(seen(3, 2), "Take part, with them?");
        assert_eq!(seen(3, 1), "Take part? You are asked again about the one who joins later.");
        assert_eq!(seen(4, 1), "Take part? You are asked again about those who join later.");
        // This node has its seat already.
        let mut full = words::tests::open();
        full.roster.push(words::tests::of("CCCCCCCC", ""));
        assert_eq!(question(&full), "Take part, with them?");
        assert!(question(&words::tests::open()).contains("the one who joins later"));
    }

    #[test]
    fn values_may_be_negative_and_are_not_shown() {
        let typed = typed(&["T4711", "--value", "-2.5", "--value", "[-1,2]"]);
        assert_eq!(typed.value.iter().map(|value| value.0.as_str()).collect::<Vec<_>>(), ["-2.5", "[-1,2]"]);
        let shown = format!("{typed:?}");
        assert!(!shown.contains("4711") && !shown.contains("2.5"), "{shown}");
    }
}
