//! Texts of somebody else's choice, as people are shown them: names, prompts, fields.

/// Stands for what is not shown.
const REPLACED: char = '\u{fffd}';

/// A text of somebody else's choice, without what could steer a terminal or a viewer, turn the direction of writing, stand
/// there unseen or break XML. Joiners stay: some languages cannot be written without them.
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if misleads(c) { REPLACED } else { c }).collect()
}

/// A text of somebody else's choice inside a sentence of ours, between backquotes. Nothing in it can end the quotation, or
/// look as if it did.
pub fn quoted(text: &str) -> String {
    let mut shown = String::from("`");
    let mut before = ' ';
    for c in text.chars() {
        // An accent alone looks like a backquote.
        let alone = matches!(c, '\u{300}' | '\u{316}' | '\u{340}') && before.is_whitespace();
        shown.push(if misleads(c) || looks_like_a_backquote(c) || alone { REPLACED } else { c });
        before = c;
    }
    shown.push('`');
    shown
}

fn misleads(c: char) -> bool {
    match c {
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}' => true,
        '\u{200b}' | '\u{200e}' | '\u{200f}' => true,
        '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' => true,
        '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

const fn looks_like_a_backquote(c: char) -> bool {
    matches!(c, '`' | '\u{2cb}' | '\u{2f4}' | '\u{1fef}' | '\u{2035}' | '\u{ff40}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEERING: [&str; 11] = [
        "\u{1b}", "\n", "\u{9b}", "\u{202e}", "\u{2066}", "\u{200f}", "\u{feff}", "\u{ffff}", "\u{2028}",
        "\u{ad}", "\u{3164}",
    ];
    const HONEST: [&str; 8] = [
        "Fußball",
        "می\u{200c}خواهم",
        "ক্\u{200d}ষ",
        "漢字",
        "e\u{301}",
        "a\u{302}\u{300}",
        "O'Brien, \"Bob\" (ward 3)",
        "👩\u{200d}⚕️",
    ];

    #[test]
    fn what_steers_or_hides_is_replaced_and_every_script_stays() {
        for steering in STEERING {
            assert_eq!(printable(&format!("a{steering}b")), "a\u{fffd}b", "{steering:?}");
            assert_eq!(quoted(&format!("a{steering}b")), "`a\u{fffd}b`", "{steering:?}");
        }
        for text in HONEST {
            assert_eq!((printable(text), quoted(text)), (text.to_owned(), format!("`{text}`")));
        }
    }

    #[test]
    fn nothing_inside_can_end_a_quotation() {
        for quote in ["`", "\u{2cb}", "\u{ff40}", "\u{2035}", "\u{1fef}", "\u{2f4}"] {
            assert_eq!(quoted(&format!("x{quote}), invites")), "`x\u{fffd}), invites`", "{quote:?}");
        }
        assert_eq!(quoted("\u{300} \u{300}"), "`\u{fffd} \u{fffd}`", "an accent on nothing");
        assert_eq!(quoted(""), "``");
        let every = (char::MIN..=char::MAX).collect::<String>();
        assert_eq!(quoted(&every).matches('`').count(), 2);
    }
}
