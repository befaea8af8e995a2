//! One frame of the view. Pure: the view and the terminal size in, text out.

use jiff::Timestamp;
use unicode_width::UnicodeWidthStr;

use super::View;
use crate::model::Verdict;
use crate::output::sanitized;
use crate::watch::round::WatchedMaster;

/// The frame: at most `height` lines of at most `width` columns, without a line break at the end.
///
/// The last line says what did not fit, if there are at least three lines.
#[must_use]
pub fn frame(view: &View, width: u16, height: u16) -> String {
    let (width, height) = (usize::from(width), usize::from(height));
    let whole = Screen::of(view, width, height);
    let lines = match whole.notice() {
        Some(_) if height >= 3 => {
            let mut page = Screen::of(view, width, height - 1);
            let notice = page.notice().or(whole.notice());
            page.push(notice.unwrap_or_default());
            page.lines
        }
        _ => whole.lines,
    };
    lines.join("\n")
}

struct Screen {
    lines: Vec<String>,
    width: usize,
    /// Lines were cut at the end.
    shortened: bool,
    hidden_status: usize,
    hidden_masters: usize,
}

impl Screen {
    fn of(view: &View, width: usize, height: usize) -> Self {
        let mut page = Self {
            lines: Vec::new(),
            width,
            shortened: false,
            hidden_status: 0,
            hidden_masters: 0,
        };
        let status = status(view);
        page.hidden_status = status.len().saturating_sub(height);
        status
            .into_iter()
            .take(height)
            .for_each(|line| page.push(line));
        let left = height - page.lines.len();
        let for_table = space_for_table(view, left);
        page.push_table(&view.masters, for_table);
        page.push_events(view, height - page.lines.len());
        page
    }

    /// What is missing.
    fn notice(&self) -> Option<String> {
        let mut missing = Vec::new();
        if self.hidden_status > 0 {
            missing.push(format!(
                "{} lines of the status not shown",
                self.hidden_status
            ));
        }
        if self.hidden_masters > 0 {
            missing.push(format!("{} masters not shown", self.hidden_masters));
        }
        if self.shortened {
            missing.push(format!("lines end in {ELLIPSIS}"));
        }
        if missing.is_empty() {
            None
        } else {
            Some(format!("cut to fit: {}", missing.join(", ")))
        }
    }

    fn push(&mut self, line: impl AsRef<str>) {
        let line = sanitized(line.as_ref());
        let shown = cut(line.trim_end(), self.width);
        self.shortened |= shown != line.trim_end();
        self.lines.push(shown);
    }

    /// An empty line, the headers, and the masters that fit: those that need attention come first.
    fn push_table(&mut self, masters: &[WatchedMaster], space: usize) {
        let shown = space.saturating_sub(2).min(masters.len());
        self.hidden_masters = masters.len() - shown;
        if shown == 0 {
            return;
        }
        let mut rows: Vec<&WatchedMaster> = masters.iter().collect();
        rows.sort_by_key(|row| !needs_somebody(row));
        self.push("");
        let headers = ["MASTER", "VERDICT", "UNFINISHED", "GUARD"].map(str::to_owned);
        let cells = rows.iter().take(shown).map(|row| cells(row));
        let lines: Vec<[String; 4]> = std::iter::once(headers).chain(cells).collect();
        let widths: [usize; 4] = std::array::from_fn(|index| {
            lines
                .iter()
                .filter_map(|line| line.get(index))
                .map(|cell| cell.width())
                .max()
                .unwrap_or(0)
        });
        for line in lines {
            self.push(aligned(&line, widths));
        }
    }

    /// An empty line and the latest events.
    fn push_events(&mut self, view: &View, space: usize) {
        let shown = space.saturating_sub(1).min(view.events.len());
        if shown == 0 {
            return;
        }
        self.push("");
        for event in view.events.iter().skip(view.events.len() - shown) {
            self.push(event);
        }
    }
}

/// As many lines as the masters need, but a third is left for events; 0 if not even one master
/// fits.
fn space_for_table(view: &View, left: usize) -> usize {
    let wanted = view.masters.len() + 2;
    let events = if view.events.is_empty() {
        0
    } else {
        (left / 3).min(view.events.len() + 1)
    };
    match wanted.min(left - events) {
        0..=2 if left >= 3 => 3,
        space => space,
    }
}

/// The title, and a line for each thing that an operator must know; at least one line.
fn status(view: &View) -> Vec<String> {
    let looked = view
        .looked_at
        .map_or_else(|| "no round yet".to_owned(), |time| format!("{time:.0}"));
    let mut lines = vec![format!("dsctl watch  {}  {looked}", view.title)];
    if let Some(stale) = &view.stale {
        lines.push(format!("stale since {:.0}: {}", stale.since, stale.why));
    }
    if let Some(pause) = &view.paused {
        lines.push(format!("{pause} (resume with {})", view.typed.resume()));
    }
    if let Some(brake) = &view.brake {
        let since = Timestamp::from_millisecond(brake.since_ms).unwrap_or_default();
        lines.push(format!("brake on since {since:.0}: {}", brake.reason));
    }
    if let Some(holder) = &view.standby {
        lines.push(format!("standby: {holder}"));
    }
    if lines.len() == 1 {
        lines.push("watching".to_owned());
    }
    if view.masters.is_empty() && view.looked_at.is_some() {
        lines.push("no masters".to_owned());
    }
    lines
}

fn cells(row: &WatchedMaster) -> [String; 4] {
    let text = |text: &str| sanitized(text).into_owned();
    [
        text(&row.address),
        row.verdict.keyword().to_owned(),
        row.unfinished.to_string(),
        text(row.guard.as_deref().unwrap_or_default()),
    ]
}

fn needs_somebody(master: &WatchedMaster) -> bool {
    master.verdict != Verdict::Alive && master.unfinished > 0
}

/// Text is aligned left, the number right.
fn aligned([address, verdict, unfinished, guard]: &[String; 4], widths: [usize; 4]) -> String {
    let padded = |cell: &str, width: usize| " ".repeat(width.saturating_sub(cell.width()));
    let [first, second, third, _] = widths;
    format!(
        "{address}{}  {verdict}{}  {}{unfinished}  {guard}",
        padded(address, first),
        padded(verdict, second),
        padded(unfinished, third)
    )
}

const ELLIPSIS: char = '…';

/// As much of a text as fits, with a mark where it is cut.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    if width == 0 {
        return String::new();
    }
    // Combining marks have no width, so their number must be limited too.
    let ends = text
        .char_indices()
        .map(|(start, c)| start + c.len_utf8())
        .take(4 * width);
    let fits = |end: &usize| text.get(..*end).is_some_and(|part| part.width() < width);
    let end = ends.take_while(fits).last().unwrap_or(0);
    format!("{}{ELLIPSIS}", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use std::path::Path;

    use super::*;
    use crate::config::TypedOptions;
    use crate::watch::live::Stale;
    use crate::watch::pause::Pause;
    use crate::watch::state::Brake;

    fn row(address: &str, verdict: Verdict, unfinished: u64, guard: &str) -> WatchedMaster {
        WatchedMaster {
            address: address.to_owned(),
            verdict,
            unfinished,
            guard: Some(guard.to_owned()),
        }
    }

    fn view() -> View {
        View {
            title: "zk1/dolphinscheduler".to_owned(),
            looked_at: Timestamp::from_second(1_717_200_000).ok(),
            masters: vec![
                row("10.0.0.1:5678", Verdict::Alive, 3, ""),
                row("10.0.0.22:5678", Verdict::Dead, 120, "grace until 00:01:00"),
            ],
            events: (1..=3).map(|number| format!("event {number}")).collect(),
            ..View::default()
        }
    }

    #[test]
    fn everything_fits() {
        let expected = "\
dsctl watch  zk1/dolphinscheduler  2024-06-01T00:00:00Z
watching

MASTER          VERDICT  UNFINISHED  GUARD
10.0.0.22:5678  dead            120  grace until 00:01:00
10.0.0.1:5678   alive             3

event 1
event 2
event 3";
        assert_eq!(frame(&view(), 80, 24), expected);
        assert_eq!(frame(&view(), 80, 10), expected);
    }

    #[test]
    fn the_status_says_what_holds_the_loop() {
        let mut view = view();
        let time = Timestamp::from_second(1_717_200_000).unwrap();
        view.stale = Some(Stale {
            since: time,
            why: "database: refused".to_owned(),
        });
        view.paused = Some(Pause {
            by: "alice".to_owned(),
            reason: "network".to_owned(),
            since: Some(time),
        });
        view.brake = Some(Brake {
            since_ms: 1_717_200_000_000,
            reason: "3 masters in 5m".to_owned(),
        });
        view.standby = Some("10.0.0.9 holds the lock".to_owned());
        view.typed = TypedOptions::default().with_state_file(Some(Path::new("/w.json")));
        let frame = frame(&view, 120, 24);
        let lines: Vec<&str> = frame.lines().skip(1).take(4).collect();
        let expected = [
            "stale since 2024-06-01T00:00:00Z: database: refused",
            "paused by alice since 2024-06-01T00:00:00Z: network (resume with dsctl watch \
             --resume --state-file /w.json)",
            "brake on since 2024-06-01T00:00:00Z: 3 masters in 5m",
            "standby: 10.0.0.9 holds the lock",
        ];
        assert_eq!(lines, expected);
        let empty = super::frame(
            &View {
                masters: Vec::new(),
                ..view
            },
            100,
            24,
        );
        assert!(empty.contains("\nno masters\n"), "{empty}");
    }

    #[test]
    fn what_needs_somebody_is_shown_when_not_all_fits() {
        let mut view = view();
        view.masters = (0..50)
            .map(|number| row(&format!("h{number}:1"), Verdict::Alive, 1, ""))
            .collect();
        view.masters.push(row("dead:1", Verdict::Dead, 9, "grace"));
        view.events
            .extend((4..=50).map(|number| format!("event {number}")));
        let picture = frame(&view, 80, 12);
        let lines: Vec<&str> = picture.lines().collect();
        assert_eq!(lines.len(), 12, "{picture}");
        assert!(lines[4].starts_with("dead:1"), "{picture}");
        assert_eq!(lines[10], "event 50", "{picture}");
        assert_eq!(lines[11], "cut to fit: 47 masters not shown", "{picture}");
        let narrow = frame(&view, 20, 120);
        assert!(
            narrow.ends_with("\ncut to fit: lines e…") && !narrow.contains("masters not"),
            "{narrow}"
        );
        assert!(!frame(&view, 80, 120).contains("cut to fit"));
    }

    #[test]
    fn older_events_give_way_without_a_word() {
        let mut view = view();
        view.events
            .extend((4..=50).map(|number| format!("event {number}")));
        let picture = frame(&view, 80, 10);
        assert!(
            picture.ends_with("\nevent 48\nevent 49\nevent 50") && !picture.contains("cut to fit"),
            "{picture}"
        );
    }

    #[test]
    fn texts_are_cut_by_columns() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("每日报表", 8), "每日报表");
        assert_eq!(cut("每日报表", 7), "每日报…");
        assert_eq!(cut("每日报表", 6), "每日…");
        assert_eq!(cut("abc", 0), "");
        let marks = format!("a{}b", "\u{301}".repeat(100_000));
        assert!(cut(&marks, 1).len() < 100);
    }

    fn any_view() -> impl Strategy<Value = View> {
        let verdict = prop_oneof![
            Just(Verdict::Alive),
            Just(Verdict::Dead),
            Just(Verdict::Unknown)
        ];
        let master = (
            any::<String>(),
            verdict,
            any::<u64>(),
            option::of(any::<String>()),
        )
            .prop_map(|(address, verdict, unfinished, guard)| WatchedMaster {
                address,
                verdict,
                unfinished,
                guard,
            });
        let pause = (any::<String>(), any::<String>()).prop_map(|(by, reason)| Pause {
            by,
            reason,
            since: None,
        });
        let brake = (any::<i64>(), any::<String>())
            .prop_map(|(since_ms, reason)| Brake { since_ms, reason });
        let stale = any::<String>().prop_map(|why| Stale {
            since: Timestamp::UNIX_EPOCH,
            why,
        });
        let parts = (
            any::<String>(),
            option::of(stale),
            option::of(pause),
            option::of(brake),
            option::of(any::<String>()),
            vec(master, 0..12),
            vec(any::<String>(), 0..12),
        );
        parts.prop_map(
            |(title, stale, paused, brake, standby, masters, events)| View {
                title,
                looked_at: None,
                stale,
                paused,
                brake,
                standby,
                masters,
                events: events.into(),
                ..View::default()
            },
        )
    }

    proptest! {
        #[test]
        fn a_picture_fits_and_is_harmless(view in any_view(), width in 0_u16..120, height in 0_u16..40) {
            let picture = frame(&view, width, height);
            prop_assert!(picture.lines().count() <= usize::from(height));
            for line in picture.lines() {
                prop_assert!(line.width() <= usize::from(width), "{line:?}");
                prop_assert_eq!(sanitized(line), line);
            }
        }

        #[test]
        fn what_is_missing_is_said(view in any_view(), height in 7_u16..40) {
            let picture = frame(&view, 10_000, height);
            let table = picture.lines().skip_while(|line| !line.starts_with("MASTER ")).skip(1);
            let shown = table.take_while(|line| !line.is_empty() && !line.starts_with("cut to fit")).count();
            let said = picture.contains("cut to fit");
            prop_assert_eq!(shown < view.masters.len(), said, "{}", picture);
        }
    }
}
