//! `invite`: put a question to named parties, who add up by themselves.

use clap::Args;
use serde_json::{Value, json};

use super::follow::{self, Commands};
use super::{over_two, qr, typed};
use crate::cli::args::Context;
use crate::cli::asked::Asked;
use crate::cli::assurance;
use crate::cli::computation;
use crate::cli::confirm::{Consent, confirm};
use crate::cli::consent::unread;
use crate::cli::duration::{self, Typed, millis};
use crate::cli::output::{Format, print};
use crate::cli::problem::Problem;
use crate::cli::table::{self, Look};
use crate::cli::wait::{Interrupt, unexpected};
use crate::cli::wrapped;
use crate::control::{
    ApiError, Client, ComputationView, Invited, Inviting, PrivateText, Proposal, Reply, Request,
    draft_invitation,
};
use crate::domain::limits::{PATIENCE_DEFAULT, TICKETS_DEFAULT};
use crate::domain::{Computation, PeerId, Timestamp};

/// Invite parties to a computation between themselves
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p invite --statistic sum --parties 3       three parties, one number each; asks for yours
  formix-p2p invite --statistic mean --parties 5 --field salary --expires 2d \\
      --schema '{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000000}' --value -
  formix-p2p invite --statistic sum --parties 5 --quorum 3 --deadline 10m \\
      --schema '{\"type\":\"number\",\"minimum\":-10,\"maximum\":10,\"multipleOf\":0.01}'
  formix-p2p invite --statistic sum --parties 3 --value '[10,-7,14]'   three records of your own

No heavy nodes are needed: the parties add up the shares, and nobody else may take part. Where an option speaks of heavy \
nodes or participants, the parties are meant. Each ticket is one line that admits one node, the first that shows it: hand \
each to one party, where nobody else reads it. `formix-p2p join TICKET` takes the seat.

What is typed after --value stays in your shell's history, and `ps` shows it while this command goes on. Leave it out \
to be asked for it on a terminal, to have it read from the node's source, or to give it later with `formix-p2p \
answer`; --value - reads a line of standard input.")]
pub struct Invite {
    #[command(flatten)]
    asked: Asked,
    /// How many take part, you among them: 2 to 16
    #[arg(long, value_name = "N")]
    parties: Option<u32>,
    /// The question in words, for the people who are invited [default: the statistic and the fields]
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Your private value, once for each field: a number, a category, or [1,2,3] for several records; - reads it from
    /// standard input. It stays in your shell's history
    #[arg(long, value_name = "V", allow_hyphen_values = true, value_parser = unread)]
    value: Vec<PrivateText>,
    /// What the other parties see you called [default: the node's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How long tickets admit: 500ms to 30days [default: 1h]
    #[arg(long, value_name = "DURATION", value_parser = duration::typed)]
    expires: Option<Typed>,
    /// How long after everybody has joined answers are due [default: until the tickets expire]
    #[arg(long, value_name = "DURATION", value_parser = duration::typed)]
    deadline: Option<Typed>,
    /// So many parties must answer, more than half; means --sharing threshold [default: all]
    #[arg(long, value_name = "Q")]
    quorum: Option<u32>,
    /// How long parties that are away at the deadline are waited for [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = duration::typed)]
    patience: Option<Typed>,
    /// Do not ask: not about a result over two parties, who learn each other's value
    #[arg(long)]
    yes: bool,
    /// Follow who joins, until the result; on a terminal the default
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Only print the tickets
    #[arg(long)]
    no_wait: bool,
    /// Draw no QR codes
    #[arg(long)]
    no_qr: bool,
}

impl Invite {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let output = context.output;
        let mut inviting = self.inviting()?;
        let draft = self.checked(&inviting)?;
        if let Some(told) = over_two::of_question(&draft) {
            self.agreed_over_two(context, inviting.parties, &told)?;
        }
        let chosen = context.acting_party().await?;
        let commands = Commands::of(context, &chosen.id.uid).await?;
        inviting.values = typed::values(&self.value)?;
        output.note(wrapped::for_stderr(&assurance::beforehand(&draft)));
        if let Some(warning) = assurance::of_decimals(&draft, inviting.question.schema.as_deref()) {
            output.note(wrapped::for_stderr(warning));
        }
        let mut interrupt = Interrupt::heard();
        let Reply::Invited(invited) = chosen.client.request(Request::Invite(Box::new(inviting))).await? else {
            return Err(unexpected());
        };
        let follows = self.wait || (output.is_interactive() && !self.no_wait);
        match (output.format, follows) {
            (Format::Json, false) => {
                output.answer(&invited, String::new);
                return Ok(());
            }
            (Format::Json, true) => {
                let see = commands.of_words(&format!("invitations {}", invited.id));
                output.note(format!("{} is open; `{see}` shows its tickets", invited.id));
            }
            (Format::People, _) => self.hand_out(context, &invited, &commands),
        }
        if invited.answer == "missing" && output.is_interactive() {
            let fields = draft.query.fields.iter().map(|field| field.name.clone()).collect();
            answer(context, &chosen.client, &invited.id, fields, &mut interrupt, &commands).await?;
        } else if invited.answer == "missing" {
            let give = commands.of_words(&format!("answer {} VALUE", invited.id));
            output.note(format!("your value is missing: `{give}`"));
        }
        if follows {
            let view = follow::to_the_end(context, &chosen.client, &invited.id, interrupt, &commands).await?;
            output.answer(&both(&invited, &view), || computation::told(Look::of_stdout(), &view));
        }
        Ok(())
    }

    /// What was typed, with defaults, without values.
    fn inviting(&self) -> Result<Inviting, Problem> {
        let statistic = self.asked.statistic.is_none().then_some("--statistic");
        let Some(parties) = self.parties.filter(|_| statistic.is_none()) else {
            let parties = self.parties.is_none().then_some("--parties");
            let missing: Vec<_> = statistic.into_iter().chain(parties).collect();
            return Err(Problem::usage(
                "missing_argument",
                format!("{} missing", missing.join(", ")),
                "three parties and the sum of a number of each: `formix-p2p invite --statistic sum --parties 3`",
            ));
        };
        let within = |typed: &Option<Typed>| typed.as_ref().map(|typed| millis(typed.duration));
        let question = self.asked.clone().proposal(self.prompt.as_deref().unwrap_or_default());
        let question = Proposal {
            patience_ms: within(&self.patience).unwrap_or_else(|| millis(PATIENCE_DEFAULT)),
            ..question
        };
        Ok(Inviting {
            quorum: self.quorum,
            expires_ms: within(&self.expires).unwrap_or_else(|| millis(TICKETS_DEFAULT)),
            answer_within_ms: within(&self.deadline),
            name: self.name.clone(),
            ..Inviting::new(question, parties)
        })
    }

    /// The computation that it becomes, with made-up parties.
    fn checked(&self, inviting: &Inviting) -> Result<Computation, Problem> {
        let words = |typed: &Option<Typed>| typed.as_ref().map(|typed| typed.text.clone());
        // Who invites and when does not matter to these rules.
        let invitation = draft_invitation(inviting, PeerId::from_public_key([0; 32]), Timestamp::default());
        let invitation = invitation.map_err(|error| {
            let (expires, within, patience) =
                (words(&self.expires), words(&self.deadline), words(&self.patience));
            ApiError::from(error.as_typed(expires.as_deref(), within.as_deref(), patience.as_deref()))
        })?;
        Ok(invitation.draft(invitation.id()))
    }

    fn agreed_over_two(&self, context: &Context, parties: u32, told: &str) -> Result<(), Problem> {
        context.output.note(over_two::note(told));
        if self.yes {
            return Ok(());
        }
        match context.output.format {
            Format::Json => Err(Problem::usage("confirmation_needed", told, over_two::way_out(parties))),
            Format::People => confirm(context.output, Consent::Ask, "Invite all the same?"),
        }
    }

    /// One ticket a line on standard output, and what to do with them beside it.
    fn hand_out(&self, context: &Context, invited: &Invited, commands: &Commands) {
        let (output, seats) = (context.output, invited.tickets.len());
        output.note(format!(
            "{} is open until {}. {} Nobody else may take part.",
            invited.id,
            table::to_seconds(&invited.expires),
            if seats == 1 { "Hand this ticket to the other party." } else { "Hand each ticket to one party." },
        ));
        for (number, ticket) in (1..).zip(&invited.tickets) {
            output.note(format!("\nTicket {number} of {seats}:"));
            print(&ticket.0);
            if !self.no_qr {
                qr::lines(output, &ticket.0).iter().for_each(|line| output.note(line));
            }
        }
        output.note(wrapped::for_stderr(
            "\nWhoever shows a ticket first takes its seat, so send it where nobody else reads it. They start a node and type \
             `formix-p2p join TICKET`.",
        ));
        let (list, revoke) =
            (commands.of_words("invitations"), commands.of_words(&format!("revoke {}", invited.id)));
        let told = format!("`{list}` shows who has joined, `{revoke}` withdraws the invitation.");
        output.note(format!("{}\n", wrapped::for_stderr(&told)));
    }
}

/// Asks for the inviter's value until one fits, or until it is to come later.
async fn answer(
    context: &Context,
    client: &Client,
    id: &str,
    fields: Vec<String>,
    interrupt: &mut Interrupt,
    commands: &Commands,
) -> Result<(), Problem> {
    loop {
        let asked = fields.clone();
        let values = follow::or_interrupted(interrupt, move || typed::ask_values(&asked)).await;
        let values = match values {
            Some(Ok(values)) => values,
            Some(Err(_)) => Vec::new(),
            None => follow::leave(context.output, id, commands),
        };
        if values.is_empty() {
            let give = commands.of_words(&format!("answer {id}"));
            context.output.note(format!("`{give}` takes your value, at the latest when everybody is there"));
            return Ok(());
        }
        match client.request(Request::Answer { reference: id.to_owned(), values }).await {
            Ok(_) => return Ok(()),
            Err(error) => typed::another_value(context.output, error.into())?,
        }
    }
}

/// What is said without `--wait`, and what `status` gives.
fn both(invited: &Invited, view: &ComputationView) -> Value {
    let mut all = json!(invited);
    if let (Value::Object(all), Value::Object(status)) = (&mut all, json!(view)) {
        all.extend(status);
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
        invite: Invite,
    }

    const BOUNDED: [&str; 2] = ["--schema", r#"{"type":"integer","minimum":0,"maximum":9}"#];

    fn typed(words: &[&str]) -> Invite {
        Line::try_parse_from(["invite"].iter().chain(words)).unwrap().invite
    }

    fn checked(words: &[&str]) -> Result<Computation, Problem> {
        let invite = typed(words);
        invite.checked(&invite.inviting()?)
    }

    #[test]
    fn what_is_missing_is_named_and_the_rest_has_defaults() {
        for (words, missing) in [
            (&[][..], "--statistic, --parties missing"),
            (&["--statistic", "sum"], "--parties missing"),
            (&["--parties", "3"], "--statistic missing"),
        ] {
            let problem = checked(words).unwrap_err();
            assert_eq!((problem.code.as_str(), problem.message.as_str()), ("missing_argument", missing));
        }
        let draft = checked(&["--statistic", "sum", "--parties", "3"]).unwrap();
        assert_eq!((draft.prompt.as_str(), draft.query.fields[0].name.as_str()), ("sum of value", "value"));
        assert_eq!((draft.heavy.len(), draft.min_participants, draft.max_participants), (3, 3, 3));
    }

    #[test]
    fn promises_are_in_words_of_parties() {
        for more in [
            &[][..],
            &["--sharing", "additive"],
            &["--quorum", "3"],
            &["--threshold", "2"],
            &["--epsilon", "1", "--max-records", "1"],
        ] {
            let words = [&["--statistic", "sum", "--parties", "4"], &BOUNDED[..], more].concat();
            let told = assurance::beforehand(&checked(&words).unwrap());
            assert!(told.contains("of 4 parties"), "{told}");
            assert!(!told.contains("heavy") && !told.contains("participant"), "{told}");
        }
    }

    #[test]
    fn times_are_refused_as_they_were_typed() {
        let asked = ["--statistic", "sum", "--parties", "3"];
        for (more, code) in
            [(["--expires", "31d"], "invalid_expires"), (["--deadline", "31d"], "invalid_deadline")]
        {
            let problem = checked(&[&asked[..], &more].concat()).unwrap_err();
            assert_eq!((problem.code.as_str(), problem.exit.code()), (code, 2));
            assert!(problem.message.contains("31d"), "{problem}");
        }
    }
}
