//! Imports run one way, from the outside to the middle, and the middle knows no outside world.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module, and the modules of ours that it may use. `docs/ARCHITECTURE.md` shows the same map.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("sharing", &["domain"]),
    ("statistics", &["domain", "sharing"]),
    ("consent", &["domain"]),
    ("wire", &["domain", "sharing"]),
    ("protocol", &["domain", "sharing", "statistics", "consent", "wire"]),
    ("sim", &["domain", "sharing", "statistics", "consent", "wire", "protocol"]),
    ("store", &["domain", "sharing", "wire"]),
    ("network", &["domain", "sharing", "wire"]),
    ("control", &["domain", "sharing", "statistics"]),
    ("sources", &["domain", "sharing"]),
    ("config", &["domain", "sharing", "consent", "sources"]),
    ("home", &["domain", "sharing", "wire", "config", "store"]),
    ("telemetry", &["domain", "sharing"]),
    (
        "node",
        &[
            "domain",
            "sharing",
            "statistics",
            "consent",
            "wire",
            "protocol",
            "store",
            "network",
            "control",
            "home",
            "sources",
            "config",
            "telemetry",
        ],
    ),
    ("bench", &["domain", "consent", "network", "control", "home", "sources", "node"]),
    (
        "cli",
        &[
            "domain",
            "sharing",
            "statistics",
            "consent",
            "wire",
            "protocol",
            "store",
            "network",
            "control",
            "home",
            "sources",
            "config",
            "telemetry",
            "node",
            "bench",
        ],
    ),
];

/// Crates and paths that would bring a socket, a file, a clock, a runtime or the system's randomness.
const OUTSIDE: &[&str] = &[
    "tokio",
    "libp2p",
    "redb",
    "axum",
    "hyper::",
    "std::net",
    "std::fs",
    "std::process",
    "std::env",
    "std::thread",
    "SystemTime::now",
    "Instant::now",
    "SysRng",
    "rand::rng",
    "thread_rng",
    "getrandom",
];
/// What one file may know of it all the same. Verification spreads reports over threads; its results do not depend on
/// how many, as a test beside the code says.
const EXCEPTIONS: &[(&str, &str)] = &[("src/sharing/threads.rs", "std::thread")];
const PURE: &[&str] = &["domain", "sharing", "statistics", "consent", "wire", "protocol", "sim"];

/// Every source file with the name of its top module.
fn sources() -> Vec<(String, PathBuf, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths
        .into_iter()
        .map(|path| {
            let first = path.strip_prefix(&root).unwrap().components().next().unwrap();
            let module = first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
            let code: String = fs::read_to_string(&path)
                .unwrap()
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| format!("{line}\n"))
                .collect();
            (module, path, code)
        })
        .filter(|(module, _, _)| !matches!(module.as_str(), "lib" | "main"))
        .collect()
}

/// The modules of ours that a piece of code names: `crate::x`, and each of `crate::{x, y::z}`.
fn used(code: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut modules = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => modules.push(name(rest)),
            Some(group) => {
                let mut depth = 1;
                let mut part = String::new();
                for c in group.chars() {
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 || (depth == 1 && c == ',') {
                        modules.push(name(&part));
                        part.clear();
                    } else {
                        part.push(c);
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
        }
    }
    modules.retain(|module| !module.is_empty());
    modules
}

#[test]
fn imports_run_one_way() {
    let allowed: BTreeMap<_, _> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for (module, path, code) in sources() {
        let Some(may_use) = allowed.get(module.as_str()) else {
            wrong.push(format!("{}: the module `{module}` is not on the map", path.display()));
            continue;
        };
        for other in used(&code) {
            if other != module && !may_use.contains(&other.as_str()) {
                wrong.push(format!("{}: `{module}` must not use `{other}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_map_has_no_way_back() {
    for (position, (module, may_use)) in MAY_USE.iter().enumerate() {
        for other in *may_use {
            let before = MAY_USE.iter().position(|(name, _)| name == other);
            assert!(before.is_some_and(|before| before < position), "`{module}` uses `{other}`");
        }
    }
}

#[test]
fn the_middle_knows_no_outside_world() {
    let mut wrong = Vec::new();
    for (module, path, code) in sources() {
        if PURE.contains(&module.as_str()) {
            let excepted =
                |outside: &str| EXCEPTIONS.iter().any(|(file, it)| path.ends_with(file) && *it == outside);
            for outside in OUTSIDE.iter().filter(|outside| code.contains(**outside) && !excepted(outside)) {
                wrong.push(format!("{}: `{module}` must not know `{outside}`", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_wire_and_store_know_the_encoding() {
    for (module, path, code) in sources() {
        let knows = code.contains("serde_cbor");
        assert!(!knows || matches!(module.as_str(), "wire" | "store"), "{}", path.display());
    }
}

/// What `--cfg fuzzing` changes: signatures, in this one place; and there is no node and no program.
#[test]
fn signatures_are_stubs_in_fuzzing_alone() {
    const PLACE: &str = "#[cfg_attr(fuzzing, path = \"signature_stub.rs\")]\nmod signature;";
    let named: Vec<_> = sources().into_iter().filter(|(_, _, code)| code.contains("fuzzing")).collect();
    let files: Vec<_> = named.iter().map(|(_, path, _)| path.file_name().unwrap()).collect();
    assert!(matches!(&named[..], [(module, _, code)] if module == "wire" && code.contains(PLACE)), "{files:?}");
    let main = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/main.rs")).unwrap();
    assert!(main.contains("#[cfg(fuzzing)]\ncompile_error!"), "a node could be made with stub signatures");
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    for part in ["bench", "cli", "network", "node"] {
        assert!(
            lib.contains(&format!("#[cfg(not(fuzzing))]\npub mod {part};")),
            "`{part}` with stub signatures"
        );
    }
    const { assert!(!cfg!(fuzzing), "these tests would run with stub signatures") };
}

#[test]
fn imports_in_groups_are_found() {
    assert_eq!(used("use crate::{a::{b, c}, d};\nuse crate::e::f;"), ["a", "d", "e"]);
}

#[test]
fn no_file_holds_two_ideas() {
    const LINES_MAX: usize = 500;
    for (_, path, _) in sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines", path.display());
    }
}

/// What is fuzzed is built without what would be a node, and by hand alone: that it still can be is seen here.
#[test]
fn what_is_fuzzed_needs_no_module_that_fuzzing_leaves_out() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    let gated = library.split("#[cfg(not(fuzzing))]").skip(1);
    let gated: Vec<_> =
        gated.filter_map(|rest| rest.trim().strip_prefix("pub mod ")?.split(';').next()).collect();
    assert!(gated.contains(&"network") && gated.contains(&"node"), "{gated:?}");
    let mut seen = 0;
    for entry in fs::read_dir(root.join("fuzz/src/targets")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        for module in &gated {
            assert!(!text.contains(&format!("formix_p2p::{module}")), "{} uses {module}", path.display());
        }
        seen += 1;
    }
    assert!(seen > 10, "{seen}");
}
