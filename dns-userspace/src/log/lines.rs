//! How a line of the log is written.

use std::{env, fmt, fs, os::unix::fs::MetadataExt as _, sync::Arc};

use crossbeam::atomic::AtomicCell;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{Format, Full, Json, Writer, format},
    },
    registry::LookupSpan,
};

use crate::config::tunables::LogFormat;

/// Writes each event in the format that is set.
pub(super) struct Lines {
    set: Arc<AtomicCell<LogFormat>>,
    /// What [`LogFormat::Auto`] stands for.
    auto: LogFormat,
    text: Format<Full>,
    json: Format<Json>,
}

impl Lines {
    /// Of the format that is `set`.
    pub(super) fn new(set: Arc<AtomicCell<LogFormat>>) -> Self {
        let auto = if is_journal(env::var("JOURNAL_STREAM").ok()) {
            LogFormat::Journal
        } else {
            LogFormat::Text
        };
        Self {
            set,
            auto,
            text: format().with_target(false),
            json: format()
                .json()
                .with_target(false)
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false),
        }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let format = match self.set.load() {
            LogFormat::Auto => self.auto,
            set => set,
        };
        match format {
            LogFormat::Auto | LogFormat::Text => self.text.format_event(context, writer, event),
            LogFormat::Json => self.json.format_event(context, writer, event),
            LogFormat::Journal => journal(context, writer, event),
        }
    }
}

/// As sd-daemon(3) has it: a priority before each line. The journal knows the time.
fn journal<S, N>(
    context: &FmtContext<'_, S, N>,
    mut writer: Writer<'_>,
    event: &Event<'_>,
) -> fmt::Result
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    let mut text = String::new();
    context.format_fields(Writer::new(&mut text), event)?;
    let priority = match *event.metadata().level() {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    };
    for line in text.lines() {
        writeln!(writer, "<{priority}>{line}")?;
    }
    Ok(())
}

/// Whether stderr is the stream to the journal that `stream` names, by device and inode.
fn is_journal(stream: Option<String>) -> bool {
    let stderr = fs::metadata("/proc/self/fd/2");
    let (Some(stream), Ok(stderr)) = (stream, stderr) else {
        return false;
    };
    stream == format!("{}:{}", stderr.dev(), stderr.ino())
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Mutex, PoisonError},
    };

    use tracing_subscriber::{layer::SubscriberExt as _, registry};

    use super::*;

    /// Where lines go.
    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            let mut page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            page.write(octets)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written of one warning.
    fn written(format: LogFormat) -> String {
        let page = Page::default();
        let to = page.clone();
        let lines = tracing_subscriber::fmt::layer()
            .event_format(Lines::new(Arc::new(AtomicCell::new(format))))
            .with_ansi(false)
            .with_writer(move || to.clone());
        tracing::subscriber::with_default(registry().with(lines), || {
            tracing::warn!(user = "alice", "one\ntwo");
        });
        let page = page.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(page.clone()).expect("text")
    }

    #[test]
    fn the_journal_gets_a_priority_with_each_line_and_no_time() {
        let text = written(LogFormat::Journal);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines, ["<4>one", "<4>two user=\"alice\""]);
    }

    #[test]
    fn json_is_an_object_a_line() {
        let text = written(LogFormat::Json);
        assert_eq!(text.lines().count(), 1, "{text}");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["level"], "WARN");
        assert_eq!(value["message"], "one\ntwo");
        assert_eq!(value["user"], "alice");
        assert!(value["timestamp"].is_string());
    }

    #[test]
    fn text_is_for_people_and_what_is_written_where_no_journal_listens() {
        let text = written(LogFormat::Text);
        assert!(text.contains("WARN one\ntwo user=\"alice\""), "{text}");
        let without_time = |text: &str| text.split_once(' ').map(|(_, rest)| rest.to_owned());
        let auto = written(LogFormat::Auto);
        assert_eq!(without_time(&auto), without_time(&text));
    }

    #[test]
    fn the_journals_stream_is_known_by_its_number() {
        let stderr = fs::metadata("/proc/self/fd/2").expect("there is one");
        let number = format!("{}:{}", stderr.dev(), stderr.ino());
        assert!(is_journal(Some(number)));
        assert!(!is_journal(Some("0:0".to_owned())));
        assert!(!is_journal(None));
    }
}
