//! Which lines are logged, from `RUST_LOG`, `-v` and the configuration.

use tracing_subscriber::EnvFilter;

use super::error::TelemetryError;

/// Our own words from info, everybody else's from warn: libp2p tells of every connection at info, and Kademlia warns
/// every half minute for as long as no heavy node is known.
/// Gossipsub warns of every frame that a stranger garbles: a log is not for strangers to fill.
const DEFAULT: &str = "warn,libp2p_gossipsub=error,libp2p_kad=error,formix_p2p=info";

/// How much a person wants to see, beside `RUST_LOG`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// What matters.
    #[default]
    Normal,
    /// What the configuration says, in the form of `RUST_LOG`, which wins over it.
    Configured(String),
    /// `-v`: also how this node comes to its decisions; raises our own level over what `RUST_LOG` says.
    Debug,
    /// `-vv`: everything of ours.
    Trace,
}

impl Verbosity {
    /// From how often `-v` was given.
    pub const fn from_count(count: u8) -> Self {
        match count {
            0 => Self::Normal,
            1 => Self::Debug,
            2.. => Self::Trace,
        }
    }
}

/// The filter for terminal and file alike; `rust_log` is the variable's value.
pub(super) fn filter(rust_log: Option<&str>, verbosity: &Verbosity) -> Result<EnvFilter, TelemetryError> {
    let base = match (rust_log.filter(|text| !text.trim().is_empty()), verbosity) {
        (Some(text), _) => ("RUST_LOG", text),
        (None, Verbosity::Configured(text)) => ("log", text.as_str()),
        (None, Verbosity::Normal | Verbosity::Debug | Verbosity::Trace) => ("RUST_LOG", DEFAULT),
    };
    match verbosity {
        Verbosity::Normal | Verbosity::Configured(_) => parse(base.0, base.1, base.1.to_owned()),
        // A later directive for the same target replaces the earlier one.
        Verbosity::Debug => parse(base.0, base.1, format!("{},formix_p2p=debug", base.1)),
        Verbosity::Trace => parse(base.0, base.1, format!("{},formix_p2p=trace", base.1)),
    }
}

fn parse(source_name: &'static str, given: &str, directives: String) -> Result<EnvFilter, TelemetryError> {
    let bad = |reason: String| TelemetryError::BadFilter { source_name, text: given.to_owned(), reason };
    // A lone word that is no level would be taken for a target, and nearly everything would fall silent.
    let lone = directives
        .split(',')
        .map(str::trim)
        .find(|part| !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphabetic()) && !is_level(part));
    if let Some(word) = lone {
        return Err(bad(format!("`{word}` is not a level")));
    }
    EnvFilter::builder().parse(&directives).map_err(|error| bad(error.to_string()))
}

fn is_level(word: &str) -> bool {
    word.parse::<tracing::level_filters::LevelFilter>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(rust_log: Option<&str>, verbosity: &Verbosity) -> Vec<String> {
        let mut directives: Vec<_> =
            filter(rust_log, verbosity).unwrap().to_string().split(',').map(str::to_owned).collect();
        directives.sort();
        directives
    }

    #[test]
    fn levels_come_from_rust_log_flags_and_configuration() {
        assert_eq!(
            shown(None, &Verbosity::Normal),
            ["formix_p2p=info", "libp2p_gossipsub=error", "libp2p_kad=error", "warn"]
        );
        assert_eq!(
            shown(Some(""), &Verbosity::from_count(1)),
            ["formix_p2p=debug", "libp2p_gossipsub=error", "libp2p_kad=error", "warn"]
        );
        assert_eq!(
            shown(None, &Verbosity::from_count(9)),
            ["formix_p2p=trace", "libp2p_gossipsub=error", "libp2p_kad=error", "warn"]
        );
        assert_eq!(shown(Some("debug"), &Verbosity::Normal), ["debug"]);
        assert_eq!(shown(Some("error,libp2p_swarm=info"), &Verbosity::Normal), ["error", "libp2p_swarm=info"]);
        assert_eq!(shown(Some("error"), &Verbosity::Debug), ["error", "formix_p2p=debug"]);
        assert_eq!(shown(None, &Verbosity::Configured("off".to_owned())), ["off"]);
        assert_eq!(shown(Some("info"), &Verbosity::Configured("off".to_owned())), ["info"]);
    }

    #[test]
    fn what_is_no_level_is_an_error_that_names_it() {
        for text in ["inof", "formix_p2p=loud", "warn,verbos", "formix_p2p=info=debug"] {
            let error = filter(Some(text), &Verbosity::Normal).unwrap_err();
            assert!(error.to_string().contains(&format!("RUST_LOG=`{text}`")), "{error}");
        }
        let error = filter(None, &Verbosity::Configured("loud".to_owned())).unwrap_err();
        assert!(error.to_string().contains("log=`loud`"), "{error}");
    }
}
