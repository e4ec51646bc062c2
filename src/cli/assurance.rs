//! What a sharing scheme promises and what it does not, in one line: before a question is sent, and beside its answer.

use serde_json::Value;

use super::number;
use super::table::Look;
use crate::control::{ComputationView, InvitationView, NoiseView};
use crate::domain::{Computation, Noise, Schema, Sharing, Statistic, Status};
use crate::statistics;

/// Who adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adders {
    /// Nodes that are chosen for it.
    HeavyNodes,
    /// By invitation: those who answer.
    Parties,
}

impl Adders {
    const fn of(question: &Computation) -> Self {
        if question.invitation.is_some() { Self::Parties } else { Self::HeavyNodes }
    }

    /// Those of this computation.
    pub const fn of_view(view: &ComputationView) -> Self {
        if view.by_invitation { Self::Parties } else { Self::HeavyNodes }
    }

    /// What one of them is called.
    pub const fn one(self) -> &'static str {
        match self {
            Self::HeavyNodes => "heavy node",
            Self::Parties => "party",
        }
    }

    /// What several are called.
    pub const fn several(self) -> &'static str {
        match self {
            Self::HeavyNodes => "heavy nodes",
            Self::Parties => "parties",
        }
    }

    const fn participant(self) -> &'static str {
        match self {
            Self::HeavyNodes => "participant",
            Self::Parties => "party",
        }
    }
}

/// What is said before anything is sent.
pub fn beforehand(question: &Computation) -> String {
    let (heavy, adders) = (question.heavy.len(), Adders::of(question));
    let mut parts = vec![privacy(question.private_against(), heavy, adders)];
    match question.sharing {
        Sharing::Additive { modulus } => {
            parts.push(format!("survives restarts, but the loss of no {}", adders.one()));
            let bounded = statistics::slots(question).iter().all(|slot| slot.most.is_some());
            let unnoticed = if bounded {
                "a false input cannot be noticed".to_owned()
            } else {
                format!(
                    "a false input or an overflow cannot be noticed, the total is modulo 2^{}; add bounds such as \
                     --schema '{{\"type\":\"number\",\"minimum\":0,\"maximum\":100}}'",
                    modulus.bits()
                )
            };
            parts.push(format!("inputs not proven (additive): {unnoticed}"));
        }
        Sharing::Prio3 | Sharing::Threshold { .. } => {
            parts.push(match question.survives() {
                0 => format!("all {heavy} must come back (restarts are fine)"),
                lost => format!("{lost} may vanish for good"),
            });
            parts.push(proven(question).to_owned());
        }
    }
    if !question.sharing.one_set_against_liars(heavy) {
        let liars = adders.several();
        parts.push(format!("lying {liars} on a split network could single out a value (t + 2f > n − 1)"));
    }
    if says_nothing(question) {
        parts.push("whole numbers only: decimals need a --schema with multipleOf".to_owned());
    }
    parts.push(weight(question));
    parts.extend(question.noise.map(|noise| noise_beforehand(question, noise)));
    parts.join(" · ")
}

/// What is proven of what one participant sends.
const fn proven(question: &Computation) -> &'static str {
    match (question.query.max_records, question.query.statistic.multiplies()) {
        (_, false) => "inputs proven in range",
        (1, true) => "inputs proven in range, squares and products too",
        (_, true) => "sums proven in range, but not that squares fit their values (--max-records 1 does)",
    }
}

/// How much one participant can weigh.
fn weight(question: &Computation) -> String {
    let whom = Adders::of(question).participant();
    match question.query.max_records {
        1 => format!("one record a {whom}"),
        records => format!("at most {} records a {whom}", number::whole(Look::Plain, records)),
    }
}

/// Whether the schema is the one that holds where none is given.
fn says_nothing(question: &Computation) -> bool {
    let counted = question.query.statistic == Statistic::Count;
    !counted && question.query.fields.iter().all(|field| field.schema == Schema::default())
}

/// What is easily overlooked: without a `multipleOf` a `number` is a whole one. A schema that says `integer` means it.
pub fn of_decimals(question: &Computation, stated: Option<&str>) -> Option<&'static str> {
    let stated: Value = serde_json::from_str(stated?).ok()?;
    let asks = question.query.statistic != Statistic::Count && !says_nothing(question);
    (asks && leaves_step_open(&stated)).then_some(
        "whole numbers only, as the schema has no multipleOf: records with decimals will be left out",
    )
}

fn leaves_step_open(schema: &Value) -> bool {
    let is = |kind: &str| schema.get("type").is_some_and(|stated| stated == kind);
    if is("number") {
        return schema.get("multipleOf").is_none();
    }
    let parts = schema.get("properties").and_then(Value::as_object).into_iter().flat_map(|all| all.values());
    parts.chain(schema.get("items")).any(leaves_step_open)
}

fn noise_beforehand(question: &Computation, noise: Noise) -> String {
    let deviation = statistics::noise_said(question).map_or(0.0, |said| said.standard_deviation);
    let adders = Adders::of(question);
    let colluding = match question.private_against() {
        1 => format!("1 dishonest {}", adders.one()),
        several => format!("{several} colluding {}", adders.several()),
    };
    let of_what = match question.query.statistic {
        Statistic::Count | Statistic::Sum => "",
        Statistic::Frequency | Statistic::Histogram | Statistic::Quantiles | Statistic::Contingency => {
            " of each count"
        }
        Statistic::Mean | Statistic::Univariate => " of the sum",
        Statistic::Bivariate | Statistic::Regression | Statistic::VectorMean => " of the first sum",
    };
    format!(
        "noise: {noise}, standard deviation{of_what} {} (holds against {colluding}; the accuracy only if all are \
         honest)",
        number::rough(Look::Plain, deviation),
    )
}

/// What an answer is worth, in one line.
pub fn afterwards(view: &ComputationView) -> String {
    let adders = Adders::of_view(view);
    let privacy = privacy(view.private_against, seats(view), adders);
    let mut parts = vec![privacy, inputs_of(view).to_owned()];
    parts.extend(view.unverified.filter(|count| *count > 0).map(left_out));
    parts.extend(view.checked.map(|checked| partial_sums(checked, adders)));
    if !view.liars.is_empty() {
        parts.push(lied(&view.liars, adders));
    }
    parts.join(" · ")
}

/// How many add up. Of an invitation it is every party, not those who have joined so far.
fn seats(view: &ComputationView) -> usize {
    let parties = view.invitation.as_deref().and_then(|invitation| usize::try_from(invitation.parties).ok());
    parties.unwrap_or(view.heavy_nodes.len())
}

/// What is said of the scheme where a computation is shown in full.
pub fn rows(view: &ComputationView) -> Vec<(&'static str, String)> {
    let adders = Adders::of_view(view);
    let mut rows = Scheme {
        adders,
        count: seats(view),
        private_against: view.private_against,
        survives: view.survives,
        sharing: &view.sharing,
        threshold: view.threshold,
        inputs: inputs_of(view),
        noise: view.noise.as_ref(),
    }
    .rows();
    if view.status == Status::Completed && view.proven {
        rows.extend(view.unverified.map(|count| ("not verified", reports(count))));
    }
    rows.extend(view.checked.map(|checked| ("lies", partial_sums(checked, adders))));
    if !view.liars.is_empty() {
        rows.push(("liars", lied(&view.liars, adders)));
    }
    rows
}

/// What is said of the scheme of an invitation.
pub fn rows_of_invitation(view: &InvitationView) -> Vec<(&'static str, String)> {
    let squares = view.statistic.parse().is_ok_and(Statistic::multiplies);
    Scheme {
        adders: Adders::Parties,
        count: usize::try_from(view.parties).unwrap_or(usize::MAX),
        private_against: view.private_against,
        survives: view.survives,
        sharing: &view.sharing,
        threshold: view.threshold,
        inputs: inputs(view.proven, squares, view.max_records),
        noise: view.noise.as_ref(),
    }
    .rows()
}

/// What two kinds of views say alike.
struct Scheme<'a> {
    adders: Adders,
    count: usize,
    private_against: usize,
    survives: usize,
    sharing: &'a str,
    threshold: Option<u8>,
    inputs: &'static str,
    noise: Option<&'a NoiseView>,
}

impl Scheme<'_> {
    fn rows(&self) -> Vec<(&'static str, String)> {
        let Self { adders, count, .. } = *self;
        let needed = self.threshold.map_or(count, usize::from);
        let lost = match self.survives {
            0 => String::new(),
            1 => format!("1 {} may vanish, ", adders.one()),
            several => format!("{several} {} may vanish, ", adders.several()),
        };
        let mut rows = vec![
            ("privacy", privacy(self.private_against, count, adders)),
            ("sharing", format!("{}, {needed} of {count}: {lost}{}", self.sharing, self.inputs)),
        ];
        let noise = self.noise.map(|noise| format!("ε = {} ({})", noise.epsilon, noise.mechanism));
        rows.extend(noise.map(|noise| ("noise", noise)));
        rows
    }
}

/// The scheme of a question that has ended: "prio3, inputs proven in range".
pub fn scheme(question: &Computation) -> String {
    let squares = question.query.statistic.multiplies();
    format!(
        "{}, {}",
        question.sharing,
        inputs(question.sharing.is_proven(), squares, question.query.max_records)
    )
}

fn inputs_of(view: &ComputationView) -> &'static str {
    let squares = view.statistic.parse().is_ok_and(Statistic::multiplies);
    inputs(view.proven, squares, view.max_records)
}

/// What is proven of each participant's part, in a few words. Of several records squares and products are not bound to
/// their values.
const fn inputs(proven: bool, squares: bool, records: u32) -> &'static str {
    match (proven, squares && records > 1) {
        (true, false) => "inputs proven in range",
        (true, true) => "sums proven in range",
        (false, _) => "inputs not proven",
    }
}

/// "private against any 2 of 3 heavy nodes".
fn privacy(private_against: usize, count: usize, adders: Adders) -> String {
    format!("private against any {private_against} of {count} {}", adders.several())
}

fn reports(count: u32) -> String {
    if count == 1 { "1 report".to_owned() } else { format!("{count} reports") }
}

fn left_out(count: u32) -> String {
    format!("{} did not verify and {} left out", reports(count), if count == 1 { "is" } else { "are" })
}

fn partial_sums(checked: bool, adders: Adders) -> String {
    if checked {
        "a false partial sum would be noticed".to_owned()
    } else {
        format!("too few {} answered to notice a false partial sum", adders.several())
    }
}

fn lied(liars: &[String], adders: Adders) -> String {
    match liars {
        [one] => format!("{} {one} gave a false partial sum", adders.one()),
        several => format!("{} {} gave false partial sums", adders.several(), several.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::computation::tests::running;
    use crate::cli::invitation::tests::open;
    use crate::control::{NoiseView, Proposal, draft};
    use crate::domain::{PeerId, Timestamp};

    const BOUNDED: &str = r#"{"type":"number","minimum":0,"maximum":50,"multipleOf":0.5}"#;

    fn said(fill: impl Fn(&mut Proposal)) -> String {
        let schema = Some(BOUNDED.to_owned());
        let mut proposal = Proposal { schema, ..Proposal::new("?", "sum", &["n"]) };
        fill(&mut proposal);
        beforehand(&draft(&proposal, PeerId::from_public_key([0; 32]), Timestamp::default()).unwrap())
    }

    fn heavy(count: usize) -> Vec<String> {
        (0..count).map(|number| number.to_string()).collect()
    }

    #[test]
    fn proven_schemes_say_who_must_come_back() {
        assert_eq!(
            said(|_| {}),
            "private against any 2 of 3 heavy nodes · all 3 must come back (restarts are fine) · inputs proven in range \
             · at most 10000 records a participant"
        );
        assert_eq!(
            said(|q| q.survives = Some(1)),
            "private against any 1 of 3 heavy nodes · 1 may vanish for good · inputs proven in range · lying heavy nodes \
             on a split network could single out a value (t + 2f > n − 1) · at most 10000 records a participant"
        );
        // 1 + 2 · 1 = 4 − 1: one set is guaranteed.
        let four = said(|q| (q.threshold, q.heavy) = (Some(2), heavy(4)));
        assert!(
            four.contains("any 1 of 4 heavy nodes · 1 may vanish for good · inputs proven in range")
                && !four.contains("lying"),
            "{four}"
        );
        let all = said(|q| q.threshold = Some(3));
        assert!(all.contains("all 3 must come back"), "{all}");
        let count = said(|q| (q.statistic, q.schema) = ("count".to_owned(), None));
        assert!(count.contains("inputs proven in range · at most"), "{count}");
        let squares = said(|q| (q.statistic, q.max_records) = ("univariate".to_owned(), Some(1)));
        assert!(
            squares.ends_with("inputs proven in range, squares and products too · one record a participant"),
            "{squares}"
        );
    }

    #[test]
    fn additive_sharing_says_what_goes_unnoticed_and_asks_for_bounds() {
        let unbounded = said(|q| q.schema = None);
        assert!(unbounded.starts_with("private against any 2 of 3 heavy nodes"), "{unbounded}");
        for part in
            ["loss of no heavy node", "not proven (additive)", "modulo 2^64; add bounds", "whole numbers only"]
        {
            assert!(unbounded.contains(part), "{unbounded}");
        }
        let bounded = said(|q| q.modulus_bits = Some(32));
        assert!(
            bounded.contains("inputs not proven (additive): a false input cannot be noticed · at most"),
            "{bounded}"
        );
        let decimals = said(|q| q.schema = Some(r#"{"type":"number","multipleOf":0.5}"#.to_owned()));
        assert!(decimals.contains("overflow") && !decimals.contains("whole numbers"), "{decimals}");
    }

    #[test]
    fn a_number_without_a_step_is_told_apart_from_an_integer() {
        let proposal = Proposal { schema: Some(BOUNDED.to_owned()), ..Proposal::new("?", "sum", &["n"]) };
        let question = draft(&proposal, PeerId::from_public_key([0; 32]), Timestamp::default()).unwrap();
        let warned = |schema: &str| of_decimals(&question, Some(schema)).is_some();
        assert!(warned(r#"{"type":"number","minimum":12,"maximum":60}"#));
        assert!(warned(r#"{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"number"}}}"#));
        assert!(warned(r#"{"type":"array","items":{"type":"number"},"minItems":2,"maxItems":2}"#));
        assert!(!warned(r#"{"type":"number","minimum":12,"maximum":60,"multipleOf":0.1}"#));
        assert!(!warned(r#"{"type":"integer","minimum":12,"maximum":60}"#));
        assert!(!warned(r#"{"type":"string","enum":["number","b"]}"#));
    }

    #[test]
    fn noise_is_said_in_the_units_of_the_field() {
        // Scale 100 steps / 0.5 = 200 steps; √(2 · 3) · 200 = 489.9 steps of a half.
        let noisy = said(|q| q.epsilon = Some("0.5".parse().unwrap()));
        assert!(
            noisy.ends_with(
                " · noise: ε = 0.5, standard deviation 245 (holds against 2 colluding heavy nodes; the accuracy only \
                 if all are honest)"
            ),
            "{noisy}"
        );
        let lone = said(|q| (q.threshold, q.epsilon) = (Some(2), Some("0.5".parse().unwrap())));
        assert!(lone.contains("(holds against 1 dishonest heavy node; the accuracy"), "{lone}");
        let mean = said(|q| (q.statistic, q.epsilon) = ("mean".to_owned(), Some("0.5".parse().unwrap())));
        assert!(mean.contains("standard deviation of the sum 245"), "{mean}");
        assert!(!noisy.contains('\n'));
    }

    #[test]
    fn an_answer_says_what_it_is_worth() {
        let mut view = running();
        assert_eq!(afterwards(&view), "private against any 2 of 3 heavy nodes · inputs not proven");
        (view.proven, view.unverified) = (true, Some(0));
        assert_eq!(afterwards(&view), "private against any 2 of 3 heavy nodes · inputs proven in range");
        view.unverified = Some(2);
        view.checked = Some(true);
        view.liars = vec!["ABC".to_owned()];
        assert_eq!(
            afterwards(&view),
            "private against any 2 of 3 heavy nodes · inputs proven in range · 2 reports did not verify and are left out \
             · a false partial sum would be noticed · heavy node ABC gave a false partial sum"
        );
    }

    #[test]
    fn an_invitation_promises_what_all_its_parties_do_whoever_has_joined() {
        let mut view = running();
        (view.by_invitation, view.invitation) = (true, Some(Box::new(open())));
        for joined in 0..=3 {
            view.heavy_nodes = heavy(joined);
            let shown = rows(&view);
            assert_eq!(shown, rows_of_invitation(&open()), "{joined} have joined");
            assert_eq!(shown[0].1, "private against any 2 of 3 parties");
            assert!(afterwards(&view).starts_with("private against any 2 of 3 parties"));
        }
    }

    #[test]
    fn a_computation_in_full_shows_k_of_n() {
        let mut view = running();
        let row = |view: &ComputationView, name: &str| {
            rows(view).into_iter().find(|(shown, _)| *shown == name).map(|(_, value)| value)
        };
        assert_eq!(row(&view, "sharing").unwrap(), "additive, 3 of 3: inputs not proven");
        assert_eq!((row(&view, "noise"), row(&view, "not verified")), (None, None));
        (view.sharing, view.proven) = ("prio3".to_owned(), true);
        assert_eq!(row(&view, "sharing").unwrap(), "prio3, 3 of 3: inputs proven in range");
        (view.sharing, view.threshold) = ("threshold".to_owned(), Some(2));
        (view.private_against, view.survives) = (1, 1);
        view.noise =
            Some(NoiseView { mechanism: "discrete-laplace".to_owned(), epsilon: "0.5".parse().unwrap() });
        (view.status, view.unverified, view.checked) = (Status::Completed, Some(1), Some(false));
        let shown = "threshold, 2 of 3: 1 heavy node may vanish, inputs proven in range";
        assert_eq!(row(&view, "sharing").unwrap(), shown);
        assert_eq!(row(&view, "noise").unwrap(), "ε = 0.5 (discrete-laplace)");
        assert_eq!(row(&view, "not verified").unwrap(), "1 report");
        assert!(row(&view, "lies").unwrap().contains("too few"), "{:?}", rows(&view));
        assert_eq!(row(&view, "liars"), None);
    }
}
