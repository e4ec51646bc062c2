//! `invitations`: those that this node has made or joined.

use clap::Args;
use serde_json::json;

use super::words;
use crate::cli::args::Context;
use crate::cli::problem::{Exit, Problem};
use crate::cli::table::Look;
use crate::cli::wait::unexpected;
use crate::control::{InvitationView, Reply, Request};

/// What every computation's name begins with.
const NAME_PREFIX: &str = "COMP-";

/// Invitations that this node has made or joined, or one in full with its open tickets
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p invitations
  formix-p2p invitations COMP-FZ375MV7                   with the tickets that nobody has used
  formix-p2p invitations --json | jq '.data.invitations[].joined'")]
pub struct Invitations {
    /// Its id, or a unique beginning of it
    computation: Option<String>,
}

impl Invitations {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let chosen = context.acting_party().await?;
        let Reply::Invitations(views) = chosen.client.request(Request::Invitations).await? else {
            return Err(unexpected());
        };
        match self.computation {
            None => {
                let data = json!({ "invitations": views });
                context.output.answer(&data, || words::list(Look::of_stdout(), &views));
            }
            Some(reference) => {
                let view = named(&views, &reference)?;
                context.output.answer(view, || words::in_full(view));
            }
        }
        Ok(())
    }
}

/// The one that a person means.
fn named<'a>(views: &'a [InvitationView], reference: &str) -> Result<&'a InvitationView, Problem> {
    let typed = reference.to_ascii_uppercase();
    let typed = typed.strip_prefix(NAME_PREFIX).unwrap_or(&typed);
    let begins =
        |view: &&InvitationView| view.id.strip_prefix(NAME_PREFIX).is_some_and(|id| id.starts_with(typed));
    let found: Vec<_> = views.iter().filter(begins).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Problem::new(
            Exit::NotFound,
            "no_such_computation",
            format!("this node has no invitation `{reference}`"),
            "`formix-p2p invitations` lists them; `formix-p2p status` lists all computations",
        )),
        several => {
            let candidates: Vec<_> = several.iter().map(|view| view.id.clone()).collect();
            let hint = format!("name one of them: {}", candidates.join(", "));
            let message = format!("`{reference}` fits several invitations");
            Err(Problem { candidates, ..Problem::usage("ambiguous_computation", message, hint) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::tests::open;
    use super::*;

    #[test]
    fn a_unique_beginning_names_an_invitation() {
        let other = InvitationView { id: "COMP-FZABCDEF".to_owned(), ..open() };
        let views = [open(), other];
        for typed in ["COMP-FZ375MV7", "comp-fz3", "fz3", "FZ375MV7"] {
            assert_eq!(named(&views, typed).unwrap().id, "COMP-FZ375MV7", "{typed}");
        }
        let several = named(&views, "FZ").unwrap_err();
        assert_eq!((several.code.as_str(), several.exit.code()), ("ambiguous_computation", 2));
        assert_eq!(several.candidates, ["COMP-FZ375MV7", "COMP-FZABCDEF"]);
        let none = named(&views, "X").unwrap_err();
        assert_eq!((none.code.as_str(), none.exit.code()), ("no_such_computation", 3));
    }
}
