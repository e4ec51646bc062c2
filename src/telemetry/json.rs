//! Log lines for programs: one JSON object a line, fields of the event and of the spans around it at the top.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::file::RotatingFile;
use crate::domain::Timestamp;

/// What every line has; a field of the same name gets an underscore.
const OWN_KEYS: [&str; 3] = ["timestamp", "level", "target"];

/// Writes every event as a line of JSON.
pub(super) struct JsonLines {
    file: Arc<Mutex<RotatingFile>>,
    /// Whether it was said that lines are being lost, as when the disk is full; once is enough.
    loss_was_said: AtomicBool,
}

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'a str,
    target: &'a str,
    message: Value,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

/// Fields by name.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl JsonLines {
    pub(super) fn new(file: Arc<Mutex<RotatingFile>>) -> Self {
        Self { file, loss_was_said: AtomicBool::new(false) }
    }

    fn write(&self, line: &[u8]) {
        // A panic while writing leaves at worst a cut line, and the log goes on.
        let written = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_line(line);
        if let Err(error) = written
            && !self.loss_was_said.swap(true, Ordering::Relaxed)
        {
            // There is nobody left to tell if this fails too.
            let _ = writeln!(std::io::stderr(), "log lines are being lost: {error}");
        }
    }
}

impl<S: Subscriber + for<'span> LookupSpan<'span>> Layer<S> for JsonLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        // First the values, whose `Debug` may be anybody's code, then the span's lock.
        let mut added = Fields::default();
        values.record(&mut added);
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            fields.0.extend(added.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        // From the outermost span inwards, so that what is closer wins.
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.0.extend(of_span.0.clone());
            }
        }
        fields.0.remove("message");
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_else(|| Value::String(String::new()));
        let line = Line {
            timestamp: Timestamp::from(SystemTime::now()).to_string(),
            level: event.metadata().level().as_str(),
            target: event.metadata().target(),
            message,
            fields: fields.0,
        };
        // Strings as keys and values that are JSON already: this cannot fail.
        let Ok(mut bytes) = serde_json::to_vec(&line) else { return };
        bytes.push(b'\n');
        self.write(&bytes);
    }
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        let name = match field.name() {
            name if OWN_KEYS.contains(&name) => format!("{name}_"),
            name => name.trim_start_matches("r#").to_owned(),
        };
        self.0.insert(name, value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Value::String(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Value::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Value::from(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, Value::String(value.to_string()));
    }
}
