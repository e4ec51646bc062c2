//! A terminal with one command in it.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::lab::Lab;

/// Nobody waits longer for something to appear.
const LIMIT: Duration = Duration::from_secs(60);

/// What a command has shown, and its keyboard.
pub struct Screen {
    child: Child,
    keyboard: ChildStdin,
    shown: Arc<(Mutex<Shown>, Condvar)>,
    /// Up to where it has been read.
    read: usize,
}

#[derive(Default)]
struct Shown {
    text: String,
    over: bool,
}

impl Screen {
    /// Runs a command of this home in a terminal; `None`, and a line that says so, where none can be made.
    pub fn open(lab: &Lab, arguments: &[&str]) -> Option<Self> {
        let plain = lab.command(arguments);
        let words: Vec<_> = std::iter::once(plain.get_program()).chain(plain.get_args()).collect();
        let line =
            words.iter().map(|word| format!("'{}'", word.to_str().unwrap())).collect::<Vec<_>>().join(" ");
        let mut command = Command::new("script");
        command.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]);
        command.env("TERM", "xterm").env("NO_COLOR", "1").env_remove("RUST_LOG").env_remove("FORMIX_NODE");
        command.env("FORMIX_HOME", lab.home());
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let Ok(mut child) = spawned else {
            let test = std::thread::current().name().unwrap_or_default().to_owned();
            std::io::stderr().write_all(format!("NOT RUN: {test}: there is no `script`\n").as_bytes()).unwrap();
            return None;
        };
        let shown = Arc::new((Mutex::new(Shown::default()), Condvar::new()));
        let (keyboard, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let heard = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                let count = output.read(&mut bytes).unwrap_or(0);
                let mut shown = heard.0.lock().unwrap();
                shown.text.push_str(&String::from_utf8_lossy(&bytes[..count]));
                shown.over = count == 0;
                heard.1.notify_all();
                if count == 0 {
                    break;
                }
            }
        });
        Some(Self { child, keyboard, shown, read: 0 })
    }

    /// Waits until these words appear after those that were waited for last.
    #[track_caller]
    pub fn until(&mut self, words: &str) {
        self.until_one_of([words]);
    }

    /// Waits until one of these appears after what was waited for last, and says which.
    #[track_caller]
    pub fn until_one_of<const N: usize>(&mut self, words: [&str; N]) -> usize {
        let (shown, changed) = &*self.shown;
        let read = self.read;
        let found = |shown: &Shown| {
            let found = words.iter().enumerate().filter_map(|(which, words)| {
                let at = shown.text[read..].find(words)?;
                Some((at + words.len(), which))
            });
            found.min()
        };
        let is_missing = |shown: &mut Shown| !shown.over && found(shown).is_none();
        let (shown, _) = changed.wait_timeout_while(shown.lock().unwrap(), LIMIT, is_missing).unwrap();
        let (found, text) = (found(&shown), shown.text.clone());
        drop(shown);
        let Some((end, which)) = found else {
            panic!("none of {words:?} appears; the screen:\n{text}");
        };
        self.read = read + end;
        which
    }

    /// Waits until what is typed is not shown any more: a question for a secret appears a moment before.
    pub fn until_hidden(&self) {
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let begun = Instant::now();
        loop {
            let command = std::fs::read_to_string(&children).unwrap();
            let terminal = format!("/proc/{}/fd/0", command.trim());
            let settings = Command::new("stty").args(["-a", "-F", &terminal]).output().unwrap();
            if String::from_utf8_lossy(&settings.stdout).split_whitespace().any(|word| word == "-echo") {
                break;
            }
            assert!(begun.elapsed() < LIMIT, "what is typed is shown; the screen:\n{}", self.seen());
            std::thread::yield_now();
        }
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Presses Ctrl-C.
    pub fn interrupts(&mut self) {
        self.keyboard.write_all(b"\x03").unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Everything that it has shown so far.
    pub fn seen(&self) -> String {
        self.shown.0.lock().unwrap().text.clone()
    }

    /// The words on it that begin so.
    pub fn words_like(&self, begin: &str) -> Vec<String> {
        self.seen().split_whitespace().filter(|word| word.starts_with(begin)).map(str::to_owned).collect()
    }

    /// Waits for the command's end and gives its exit code.
    pub fn code(&mut self) -> i32 {
        let (shown, changed) = &*self.shown;
        let waited = changed.wait_timeout_while(shown.lock().unwrap(), LIMIT, |shown| !shown.over).unwrap();
        assert!(waited.0.over, "the command has not ended; the screen:\n{}", waited.0.text);
        drop(waited);
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
