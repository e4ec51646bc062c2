//! Random records, of which some are damaged.

use formix_p2p::domain::Statistic;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

pub const SEXES: [&str; 2] = ["female", "male"];
/// The last is in no record.
pub const SMOKING: [&str; 4] = ["never", "former", "current", "unknown"];

/// One patient.
#[derive(Clone, Debug)]
pub struct Record {
    /// Whole years.
    pub age: u32,
    /// In tenths.
    pub bmi: u32,
    /// In quarters, also below zero.
    pub dose: i32,
    sex: usize,
    smoker: usize,
    /// In thousandths.
    update: [i32; 3],
    /// The field that is missing, and the one that does not fit its schema.
    missing: Option<&'static str>,
    unfit: Option<&'static str>,
}

/// The JSON Schema of fields with these names.
pub fn schema(names: &[String]) -> String {
    let of = |name: &String| {
        let schema = match name.as_str() {
            "age" => r#"{"type":"integer","minimum":18,"maximum":90}"#,
            "bmi" => r#"{"type":"number","minimum":15,"maximum":45,"multipleOf":0.1}"#,
            "dose" => r#"{"type":"number","minimum":-50,"maximum":50,"multipleOf":0.25}"#,
            "sex" => r#"{"type":"string","enum":["female","male"]}"#,
            "smoker" => r#"{"type":"string","enum":["never","former","current","unknown"]}"#,
            "update" => {
                r#"{"type":"array","items":{"type":"number","minimum":-1,"maximum":1,"multipleOf":0.001},"minItems":3,"maxItems":3}"#
            }
            other => panic!("{other} is no field"),
        };
        format!("\"{name}\":{schema}")
    };
    let properties: Vec<String> = names.iter().map(of).collect();
    format!(r#"{{"type":"object","properties":{{{}}}}}"#, properties.join(","))
}

impl Record {
    /// So many records, the same for the same seed.
    pub fn some(seed: u64, count: usize) -> Vec<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut upto = |most: u32| rng.next_u32() % (most + 1);
        let mut one = || {
            let age = 18 + upto(72);
            let bmi = 150 + upto(200) + age;
            let fields = ["age", "bmi", "dose", "sex", "smoker", "update"];
            let damage = fields[upto(5) as usize];
            let chance = upto(9);
            Self {
                age,
                bmi,
                // It follows age, more or less, so that there is something to find.
                dose: upto(200).cast_signed() + age.cast_signed() - 200,
                sex: upto(1) as usize,
                smoker: upto(2) as usize,
                update: [(); 3].map(|()| upto(2000).cast_signed() - 1000),
                missing: (chance == 0).then_some(damage),
                unfit: (chance == 1).then_some(damage),
            }
        };
        (0..count).map(|_| one()).collect()
    }

    /// What the owner's table says.
    pub fn text(&self, field: &str) -> Option<String> {
        if self.missing == Some(field) {
            return None;
        }
        if self.unfit == Some(field) {
            return Some("1000".to_owned());
        }
        Some(match field {
            "age" => self.age.to_string(),
            "bmi" => format!("{}.{}", self.bmi / 10, self.bmi % 10),
            "dose" => self.dose().to_string(),
            "sex" => self.sex().to_owned(),
            "smoker" => self.smoker().to_owned(),
            "update" => format!("{:?}", self.update()),
            other => panic!("{other} is no field"),
        })
    }

    /// Whether a statistic over these fields uses it: all are there, and fit. A count looks at no value.
    pub fn is_used(&self, statistic: Statistic, fields: &[String]) -> bool {
        let unfit = self.unfit.filter(|_| statistic != Statistic::Count);
        !self.missing.into_iter().chain(unfit).any(|field| fields.iter().any(|name| name == field))
    }

    /// Whether all fields are there and fit.
    pub fn is_whole(&self) -> bool {
        self.missing.is_none() && self.unfit.is_none()
    }

    /// A number, as a library takes it.
    pub fn number(&self, field: &str) -> f64 {
        match field {
            "age" => f64::from(self.age),
            "bmi" => f64::from(self.bmi) / 10.0,
            "dose" => self.dose(),
            other => panic!("{other} is no number"),
        }
    }

    pub fn dose(&self) -> f64 {
        f64::from(self.dose) / 4.0
    }

    pub fn sex(&self) -> &'static str {
        SEXES[self.sex]
    }

    pub fn smoker(&self) -> &'static str {
        SMOKING[self.smoker]
    }

    pub fn update(&self) -> [f64; 3] {
        self.update.map(|element| f64::from(element) / 1000.0)
    }
}
