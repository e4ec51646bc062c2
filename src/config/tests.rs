//! Guards against: a setting that is silently ignored, a private value in an error, a number that changes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::*;
use crate::consent::{Preset, Trust};
use crate::domain::{PeerId, Role, Timestamp};

const BORN: Timestamp = Timestamp::from_millis(1_700_000_000_123);

fn peer(byte: u8) -> PeerId {
    PeerId::from_public_key([byte; 32])
}

fn parse(text: &str) -> Result<Layer, ConfigError> {
    Layer::parse(Path::new("my.toml"), text)
}

fn named(name: &str) -> Layer {
    Layer { name: Some(name.to_owned()), ..Layer::default() }
}

#[test]
fn the_examples_can_be_used() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let heavy = Layer::from_file(&root.join("config/heavy.toml")).unwrap();
    assert_eq!((heavy.role, heavy.mdns), (Some(Role::Heavy), Some(true)));
    let light = Layer::from_file(&root.join("config/light.toml")).unwrap();
    assert_eq!(light.data.get("age").unwrap().to_string(), "41");
    assert_eq!(light.data.get("blood_pressure").unwrap().to_string(), "120.5");
    NodeConfig::new(heavy, peer(1), BORN).unwrap();
    NodeConfig::new(light, peer(1), BORN).unwrap();
}

#[test]
fn the_examples_name_every_key() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let both = ["config/heavy.toml", "config/light.toml"]
        .map(|file| std::fs::read_to_string(root.join(file)).unwrap());
    for key in [
        "role",
        "name",
        "home",
        "listen",
        "bootstrap",
        "mdns",
        "swarm_key",
        "[admission]",
        "[policy]",
        "[data]",
        "[[source]]",
        "log",
    ] {
        assert!(both.iter().any(|text| text.contains(key)), "{key}");
    }
}

#[test]
fn a_misspelt_key_or_a_wrong_type_names_line_and_known_keys() {
    let error = parse("role = \"heavy\"\nbotstrap = []\n").unwrap_err().to_string();
    for part in ["my.toml, line 2", "botstrap", "bootstrap", "swarm_key"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let error = parse("\n\n[policy]\nmin_participants = \"three\"").unwrap_err();
    assert!(
        matches!(&error, ConfigError::Invalid { line: 4, key, .. } if key == "policy.min_participants"),
        "{error}"
    );
    let error = parse("[policy]\ntrust = [\"12D3KooWnobody\"]").unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("12D3KooWnobody"), "{error}");
    assert!(parse("role = \"medium\"").unwrap_err().to_string().contains("`heavy` or `light`"));
}

#[test]
fn private_values_keep_every_digit_bare_or_quoted() {
    let data = parse(
        "[data]\na = 0.1234567890123456\nb = \"0.123456789012345678\"\nc = 1_000\nd = -3.50\ne = 9007199254740993",
    )
    .unwrap()
    .data;
    let shown: Vec<_> = data.fields().map(|field| data.get(field).unwrap().to_string()).collect();
    assert_eq!(shown, ["0.1234567890123456", "0.123456789012345678", "1000", "-3.5", "9007199254740993"]);
    assert_eq!(parse("data.age = 41").unwrap().data.get("age").unwrap().to_string(), "41");
}

#[test]
fn no_error_shows_a_private_value() {
    const CANARY: &str = "8675309";
    for text in [
        "data = 8675309",
        "data = \"8675309\"",
        "data = 8675309.5",
        "data = [8675309]",
        "data = true # 8675309",
        "[data]\nage = 8675309 years",
        "[data]\nage = 8675309x",
        "[data]\nage = \"8675309\\u0007\"",
        "[data]\nage = [8675309]",
        "[data]\nage = {value = 8675309}",
        "[data]\nage = \"8675309",
        "[data]\nage = 8675309,5",
        "[data]\nage = 0x8675309",
        "[data]\nage = 1e8675309",
        "[data]\nage = 8675309-01-01",
        "[data]\nage = 86753098675309867530986753098675309867530986753098675309",
        "[data]\nage = 8675309\nage = 8675309",
        "[data]\n\"a=b\" = 8675309",
        "[data]\nage = nan # 8675309",
    ] {
        let error = parse(text).unwrap_err();
        let shown = format!("{error} {error:?} {}", error.hint());
        assert!(!shown.contains(CANARY), "{text}: {shown}");
        assert!(matches!(error, ConfigError::Invalid { .. }));
    }
    let layer = parse("[data]\nage = 8675309").unwrap();
    assert!(!format!("{layer:?}").contains(CANARY));
    for assignment in ["8675309", "age=8675309\u{7}"] {
        let error = Data::from_assignments([assignment]).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(CANARY));
    }
}

#[test]
fn assignments_are_checked() {
    let data = Data::from_assignments(["age=41", "bmi=22.50"]).unwrap();
    assert_eq!(data.fields().collect::<Vec<_>>(), ["age", "bmi"]);
    assert_eq!(Data::from_assignments(["age"]), Err(DataError::NotAnAssignment));
    assert_eq!(Data::from_assignments(["age=1", "age=2"]), Err(DataError::Twice("age".to_owned())));
    assert!(matches!(Data::from_assignments(["=1"]), Err(DataError::Field(_))));
    for no_value in ["age=NaN", "age=-inf", "age=a\u{1b}[2J", &format!("age={}", "1".repeat(64 * 1024 + 1))] {
        assert!(matches!(Data::from_assignments([no_value]), Err(DataError::Value { .. })), "{no_value:.20}");
    }
}

#[test]
fn a_value_may_be_a_category_or_a_list() {
    let typed = Data::from_assignments(["smoker=yes", "update=[0.1, 0.2]"]).unwrap();
    let written = parse("[data]\nsmoker = \"yes\"\nupdate = \"[0.1, 0.2]\"").unwrap().data;
    assert_eq!(typed, written);
    assert_eq!(typed.values().collect::<Vec<_>>(), [("smoker", "yes"), ("update", "[0.1, 0.2]")]);
    assert_eq!(typed.get("smoker"), None, "it is no number");
}

const SOURCES: &str = "\
[[source]]
csv = \"patients.csv\"
delimiter = \";\"
decimal = \",\"
columns = { age = \"Age (years)\" }

[[source]]
sqlite = \"clinic.db\"
query = \"SELECT bmi FROM patients\"

[[source]]
command = [\"./export.sh\", \"--since\", \"2026\"]
fields = [\"weight\"]
timeout = \"10s\"
";

#[test]
fn sources_are_remembered_with_whole_paths() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    std::fs::write(&path, format!("role = \"light\"\n{SOURCES}")).unwrap();
    let node = NodeConfig::new(Layer::from_file(&path).unwrap(), peer(1), BORN).unwrap();
    let saved = folder.path().join("node.toml");
    node.save(&saved).unwrap();
    assert_eq!(NodeConfig::load(&saved).unwrap(), node);
    let written = std::fs::read_to_string(&saved).unwrap();
    for name in ["patients.csv", "clinic.db", "export.sh"] {
        let whole = folder.path().join(name);
        assert!(written.contains(whole.to_str().unwrap()), "{written}");
    }
    // The strongest list is taken whole, and none is the same as nothing said.
    let told = Layer { sources: Some(Vec::new()), ..Layer::default() };
    assert!(node.told(told).unwrap().sources.is_empty());
    assert_eq!(node.told(Layer::default()).unwrap().sources.len(), 3);
}

#[test]
fn a_source_that_makes_no_sense_is_named_with_its_line() {
    for (text, names) in [
        ("[[source]]\ncsv = \"a.csv\"\nquery = \"SELECT 1\"", "`query` does not belong"),
        ("mdns = true\n[[source]]\ncolums = {}", "colums"),
        ("[source]\ncsv = \"a.csv\"", "sequence"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(matches!(&error, ConfigError::Invalid { line, .. } if *line >= 1), "{error}");
        assert!(error.to_string().contains(names), "{error}");
    }
    let many = "[[source]]\ncsv = \"a.csv\"\n".repeat(65);
    let layer = Layer { role: Some(Role::Light), ..parse(&many).unwrap() };
    assert_eq!(NodeConfig::new(layer, peer(1), BORN), Err(ConfigError::TooManySources(65)));
}

#[test]
fn a_remembered_value_can_be_forgotten() {
    let told = |text: &str| Layer {
        role: Some(Role::Light),
        data: Data::from_assignments(text.split(' ')).unwrap(),
        ..Layer::default()
    };
    let node = NodeConfig::new(told("age=41 bmi=22"), peer(1), BORN).unwrap();
    let after = node.told(told("age= other=")).unwrap();
    assert_eq!((after.data.get("age"), after.data.fields().collect::<Vec<_>>()), (None, vec!["bmi"]));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    after.save(&path).unwrap();
    assert_eq!(NodeConfig::load(&path).unwrap(), after);
}

#[test]
fn flags_win_over_environment_over_file_over_memory_over_defaults() {
    let remembered = NodeConfig::new(
        Layer {
            role: Some(Role::Light),
            mdns: Some(false),
            data: Data::from_assignments(["age=1", "bmi=1"]).unwrap(),
            ..named("memory")
        },
        peer(1),
        BORN,
    )
    .unwrap();
    let file = Layer {
        bootstrap: Some(vec!["file".to_owned()]),
        listen: Some(vec!["file".to_owned()]),
        data: Data::from_assignments(["age=2"]).unwrap(),
        ..named("file")
    };
    let variables = |variable: &str| match variable {
        "FORMIX_NAME" => Some("environment".to_owned()),
        "FORMIX_BOOTSTRAP" => Some("one, two".to_owned()),
        "FORMIX_MDNS" => Some(String::new()),
        _ => None,
    };
    let environment = Layer::from_environment(variables).unwrap();
    let node = remembered.told(merge([named("flag"), environment, file])).unwrap();
    assert_eq!(node.name, "flag");
    assert_eq!(node.bootstrap, ["one", "two"]);
    assert_eq!(node.listen, ["file"]);
    assert_eq!(node.data.get("age").unwrap().to_string(), "2");
    assert_eq!(node.data.get("bmi").unwrap().to_string(), "1");
    assert!(!node.mdns);
    assert_eq!((node.policy().preset, node.policy().min_participants), (Preset::Guarded, 3));
}

#[test]
fn a_variable_that_does_not_fit_is_named() {
    for (variable, value) in [
        ("FORMIX_ROLE", "medium"),
        ("FORMIX_MDNS", "perhaps"),
        ("FORMIX_POLICY", "closed"),
        ("FORMIX_MIN_PARTICIPANTS", "-1"),
        ("FORMIX_TRUST", "nobody"),
    ] {
        let read = |name: &str| (name == variable).then(|| value.to_owned());
        let error = Layer::from_environment(read).unwrap_err().to_string();
        assert!(error.contains(variable) && error.contains(value), "{error}");
    }
}

#[test]
fn a_node_keeps_role_and_port() {
    let mut node = NodeConfig::new(Layer { role: Some(Role::Heavy), ..named("a") }, peer(1), BORN).unwrap();
    node.port = Some(8_001);
    assert_eq!(node.told(Layer::default()).unwrap(), node);
    let other = Layer { role: Some(Role::Light), ..Layer::default() };
    assert_eq!(node.told(other), Err(ConfigError::RoleChanged { is: Role::Heavy, asked: Role::Light }));
    assert_eq!(NodeConfig::new(named("a"), peer(1), BORN), Err(ConfigError::RoleMissing));
}

#[test]
fn names_are_shown_to_people() {
    let with_name =
        |name: &str| NodeConfig::new(Layer { role: Some(Role::Heavy), ..named(name) }, peer(1), BORN);
    for name in ["", "a\u{1b}[2J", &"x".repeat(33)] {
        assert!(matches!(with_name(name), Err(ConfigError::Name(_))), "{name:?}");
    }
    let unnamed =
        NodeConfig::new(Layer { role: Some(Role::Heavy), ..Layer::default() }, peer(1), BORN).unwrap();
    assert_eq!(unnamed.name, format!("heavy-{}", peer(1).uid().to_string()[..4].to_lowercase()));
}

#[test]
fn what_a_node_remembers_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node.toml");
    let told = Layer {
        role: Some(Role::Light),
        listen: Some(vec!["/ip4/0.0.0.0/tcp/8000".to_owned()]),
        swarm_key: Some(PathBuf::from("/keys/swarm.key")),
        admission: AdmissionLayer {
            allow: Some(vec![peer(4)]),
            members: Some(PathBuf::from("/keys/members")),
            signer: Some(peer(5)),
        },
        policy: PolicyLayer {
            preset: Some(Preset::Open),
            min_participants: Some(5),
            trust: Some(vec![peer(2), peer(3)]),
            ..PolicyLayer::default()
        },
        data: Data::from_assignments(["age=41.50", "blood pressure=120"]).unwrap(),
        ..named("ward 7")
    };
    let mut node = NodeConfig::new(told, peer(1), BORN).unwrap();
    node.save(&path).unwrap();
    node.port = Some(8_001);
    node.save(&path).unwrap();
    assert_eq!(NodeConfig::load(&path).unwrap(), node);
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("age = \"41.50\"") && written.contains("2023-11-14T22:13:20.123Z"), "{written}");
    assert_eq!(node.policy().trust, Trust::WholeNetwork);
    std::fs::write(&path, written.replace("mdns", "mnds")).unwrap();
    assert!(matches!(NodeConfig::load(&path), Err(ConfigError::Invalid { .. })));
}

#[test]
fn paths_in_a_file_start_at_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.toml");
    std::fs::write(&path, "swarm_key = \"swarm.key\"\nhome = \"/var/lib/formix\"").unwrap();
    let layer = Layer::from_file(&path).unwrap();
    assert_eq!(layer.swarm_key, Some(folder.path().join("swarm.key")));
    assert_eq!(layer.home, Some(PathBuf::from("/var/lib/formix")));
    assert!(matches!(Layer::from_file(&folder.path().join("no.toml")), Err(ConfigError::Io { .. })));
}
