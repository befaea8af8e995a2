//! Prometheus' text format.

use std::fmt::{Display, Write};

use jiff::Timestamp;

/// The text being written. Writing to a string cannot fail.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Adds a family of samples, each with its labels and its value.
    pub fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (String, String)>,
    ) {
        let _ = writeln!(
            self.0,
            "# HELP dsctl_{name} {help}\n# TYPE dsctl_{name} {kind}"
        );
        for (labels, value) in samples {
            let _ = writeln!(self.0, "dsctl_{name}{labels} {value}");
        }
    }

    /// Adds a sample without labels.
    pub fn plain(&mut self, name: &str, kind: &str, help: &str, value: &dyn Display) {
        self.family(name, kind, help, [(String::new(), value.to_string())]);
    }

    /// The whole text.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Seconds since 1970 with three digits after the point, exactly; 0 for `None`.
#[must_use]
pub fn seconds(time: Option<Timestamp>) -> String {
    let millis = time.map_or(0, Timestamp::as_millisecond).max(0);
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// A sample with one label.
#[must_use]
pub fn label(name: &str, value: &str, number: impl Display) -> (String, String) {
    (format!("{{{name}=\"{value}\"}}"), number.to_string())
}
