//! `policy test`: what would become of a question if it came now, and which rule decides.

use clap::Args;

use super::super::args::Context;
use super::super::problem::Problem;
use super::super::table::{self, Look, printable};
use super::super::wait::unexpected;
use super::super::wrapped;
use crate::control::{PolicyTest, Reply, Request};

/// What would become of a question if it came now, and which rule decides
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  formix-p2p policy test COMP-FZ375MV7
  formix-p2p policy test FZ3 --node ward-3 --json | jq -r .data.rule

It works for every computation that the running node knows, also for those that have ended. Nothing is answered.")]
pub struct Test {
    /// Its id, or a unique beginning of it
    computation: String,
}

impl Test {
    pub async fn act(self, context: &Context) -> Result<(), Problem> {
        let chosen = context.acting_node().await?;
        let request = Request::PolicyTest { reference: self.computation };
        let Reply::PolicyTest(test) = chosen.client.request(request).await? else {
            return Err(unexpected());
        };
        context.output.answer(&test, || told(&test));
        Ok(())
    }
}

fn told(test: &PolicyTest) -> String {
    let would = match test.decision.as_str() {
        "answer" => "would be answered unattended",
        "ask" => "would wait for this node's owner",
        "decline" => "would be declined unattended",
        _ => "is not asked of this node",
    };
    let reason = test.reason.as_ref().map(|reason| format!(": {}", printable(reason))).unwrap_or_default();
    let by = test.rule.as_ref().map(|rule| format!(" (rule {rule})")).unwrap_or_default();
    let verdict = wrapped::for_stdout(&format!("{} {would}{reason}{by}", test.id)) + "\n";
    if test.rules.is_empty() {
        return verdict;
    }
    let rows = test.rules.iter().map(|rule| {
        let reason = rule.reason.as_deref().map(printable).unwrap_or_default();
        vec![rule.rule.clone(), rule.verdict.clone(), reason]
    });
    verdict + &table::render(Look::of_stdout(), &["Rule", "Says", "Because"], rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::RuleVerdict;

    #[test]
    fn the_verdict_names_rule_and_reason() {
        let rules = vec![RuleVerdict {
            rule: "fields".to_owned(),
            verdict: "decline".to_owned(),
            reason: Some("the field `a\u{1b}` is denied".to_owned()),
        }];
        let test = PolicyTest {
            id: "COMP-FZ375MV7".to_owned(),
            decision: "decline".to_owned(),
            rule: Some("fields".to_owned()),
            reason: rules[0].reason.clone(),
            rules,
        };
        let text = told(&test);
        assert!(text.starts_with("COMP-FZ375MV7 would be declined unattended: the field"), "{text}");
        assert!(text.contains("(rule fields)\n") && !text.contains('\u{1b}'), "{text}");
        let kept =
            PolicyTest { decision: "answer".to_owned(), rule: None, reason: None, rules: vec![], ..test };
        assert_eq!(told(&kept), "COMP-FZ375MV7 would be answered unattended\n");
    }
}
