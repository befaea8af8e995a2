use std::io;

use serde::Serialize;
use serde_json::{Value, json};

use super::*;
use crate::exit_code::ExitCode;

/// Prints with a printer of these settings; returns stdout and stderr.
fn printed(
    settings: OutputSettings,
    terminals: Terminals,
    print: impl FnOnce(&mut Printer<'_>),
) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    print(&mut Printer::new(&mut out, &mut err, settings, terminals));
    (
        String::from_utf8(out).unwrap(),
        String::from_utf8(err).unwrap(),
    )
}

fn document_as(format: Format, document: Document) -> (String, String) {
    let settings = OutputSettings {
        format,
        ..OutputSettings::default()
    };
    printed(settings, Terminals::default(), |printer| {
        printer.document(document).unwrap();
    })
}

fn masters() -> Document {
    let mut table = Table::new(&["master", "verdict", "unfinished", "last heartbeat"]);
    table.row(vec![
        "10.0.0.1:5678".into(),
        "alive".into(),
        Cell::Number(0),
        "2024-01-01 00:00:00".into(),
    ]);
    table.alarm(vec![
        "10.0.0.12:5678".into(),
        "dead".into(),
        Cell::Number(12),
        Cell::None,
    ]);
    table.row(vec![
        "a\tb\\c\n\u{1b}[31m".into(),
        "unknown".into(),
        Cell::Unknown,
        Cell::from(None::<String>),
    ]);
    let masters = [("10.0.0.1:5678", Some(true)), ("a\tb\u{9b}", None)];
    let masters = masters
        .map(|(address, registered)| Master {
            address,
            registered,
        })
        .into();
    Document {
        family: Some("3.1".to_owned()),
        warnings: vec!["clocks differ".to_owned()],
        body: Body::new(Masters { masters, total: 2 })
            .table(table)
            .closing("next: dsctl failover 10.0.0.12:5678")
            .boxed(),
        ..Document::new("masters", NoKeys {})
    }
}

#[derive(Debug, Serialize)]
struct Masters {
    masters: Vec<Master>,
    total: u32,
}

#[derive(Debug, Serialize)]
struct Master {
    address: &'static str,
    registered: Option<bool>,
}

impl Keys for Masters {
    fn records(&mut self) -> Vec<Records<'_>> {
        vec![Records {
            key: "masters",
            record: "master",
            rows: &mut self.masters,
        }]
    }
}

/// A document with only these tables.
fn tables(tables: impl Into<Vec<Table>>) -> Document {
    let body = Body {
        tables: tables.into(),
        ..Body::new(NoKeys {})
    };
    Document {
        body: body.boxed(),
        ..Document::new("instances", NoKeys {})
    }
}

fn refused() -> Document {
    let error = ErrorBody::new("refused", "no master is registered", ExitCode::Refused)
        .cause("/dolphinscheduler/nodes/master has no\nchildren")
        .hint("is the namespace right? try --namespace NAME");
    Document {
        error: Some(error),
        ..Document::new("failover", NoKeys {})
    }
}

#[test]
fn tables_are_for_people() {
    let (out, err) = document_as(Format::Table, masters());
    assert_eq!(
        out,
        concat!(
            "MASTER              VERDICT  UNFINISHED  LAST HEARTBEAT\n",
            "10.0.0.1:5678       alive             0  2024-01-01 00:00:00\n",
            "10.0.0.12:5678      dead             12  -\n",
            "a\\tb\\c\\n\\u{1b}[31m  unknown  ?           -\n",
            "\n",
            "next: dsctl failover 10.0.0.12:5678\n",
        )
    );
    assert_eq!(err, "warning: clocks differ\n");
}

#[test]
fn tsv_is_one_line_a_record() {
    let (out, err) = document_as(Format::Tsv, masters());
    assert_eq!(
        out,
        concat!(
            "master\tverdict\tunfinished\tlast_heartbeat\n",
            "10.0.0.1:5678\talive\t0\t2024-01-01 00:00:00\n",
            "10.0.0.12:5678\tdead\t12\t-\n",
            "a\\tb\\\\c\\n\\u{1b}[31m\tunknown\t?\t-\n",
        )
    );
    assert_eq!(err, "warning: clocks differ\n");
}

#[test]
fn json_is_one_document_and_nothing_else() {
    let (out, err) = document_as(Format::Json, masters());
    assert_eq!(
        out,
        r#"{
  "schema_version": 1,
  "ok": true,
  "command": "masters",
  "family": "3.1",
  "ds_version": null,
  "warnings": [
    "clocks differ"
  ],
  "error": null,
  "masters": [
    {
      "address": "10.0.0.1:5678",
      "registered": true
    },
    {
      "address": "a\tb\u009b",
      "registered": null
    }
  ],
  "total": 2
}
"#
    );
    assert_eq!(err, "");
    let read: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        read["masters"][1]["address"], "a\tb\u{9b}",
        "escapes do not change the value"
    );
}

#[test]
fn ndjson_is_a_line_a_record_and_a_summary() {
    let (out, err) = document_as(Format::Ndjson, masters());
    assert_eq!(
        out,
        concat!(
            r#"{"record":"master","address":"10.0.0.1:5678","registered":true}"#,
            "\n",
            r#"{"record":"master","address":"a\tb\u009b","registered":null}"#,
            "\n",
            r#"{"record":"summary","schema_version":1,"ok":true,"command":"masters","family":"3.1","ds_version":null,"#,
            r#""warnings":["clocks differ"],"error":null,"total":2}"#,
            "\n",
        )
    );
    assert_eq!(err, "");
}

#[test]
fn errors_stand_on_stderr_in_every_format_and_in_the_document() {
    let expected = concat!(
        "error: no master is registered\n",
        "cause: /dolphinscheduler/nodes/master has no\\nchildren\n",
        "hint: is the namespace right? try --namespace NAME\n",
    );
    for format in [Format::Table, Format::Json, Format::Ndjson, Format::Tsv] {
        assert_eq!(document_as(format, refused()).1, expected, "{format:?}");
    }
    assert_eq!(document_as(Format::Table, refused()).0, "");
    let read: Value = serde_json::from_str(&document_as(Format::Json, refused()).0).unwrap();
    assert_eq!(
        (&read["ok"], &read["error"]),
        (
            &json!(false),
            &json!({
                "kind": "refused",
                "message": "no master is registered",
                "causes": ["/dolphinscheduler/nodes/master has no\nchildren"],
                "hint": "is the namespace right? try --namespace NAME",
                "exit_code": 4
            })
        )
    );
}

#[test]
fn header_lines_can_be_left_out() {
    for (format, first) in [
        (Format::Table, "10.0.0.1:5678   "),
        (Format::Tsv, "10.0.0.1:5678\talive"),
    ] {
        let settings = OutputSettings {
            format,
            headers: false,
            ..OutputSettings::default()
        };
        let (out, _) = printed(settings, Terminals::default(), |printer| {
            printer.document(masters()).unwrap();
        });
        assert!(out.starts_with(first), "{out}");
    }
}

#[test]
fn several_tables_have_an_empty_line_between() {
    let table = |title: &str| {
        let mut table = Table::new(&["id"]).title(title);
        table.row(vec![Cell::Number(1)]);
        table
    };
    let document = || tables([table("a"), table("b")]);
    assert_eq!(
        document_as(Format::Table, document()).0,
        "a\nID\n 1\n\nb\nID\n 1\n"
    );
    assert_eq!(document_as(Format::Tsv, document()).0, "id\n1\n\nid\n1\n");
}

#[test]
fn only_long_texts_are_cut_and_only_on_a_terminal() {
    let mut table = Table::new(&["id", "name", "host"]);
    let name = "daily-report-of-the-finance-department-for-the-whole-year";
    table.row(vec![
        Cell::Number(4711),
        Cell::long(name),
        "a-host-with-a-very-long-name.example.org:5678".into(),
    ]);
    table.row(vec![
        Cell::Number(4712),
        Cell::long("每日报表 每日报表 每日报表 每日报表"),
        "b:1".into(),
    ]);
    let on = |stdout_width| {
        let terminals = Terminals {
            stdout_width,
            ..Terminals::default()
        };
        let settings = OutputSettings {
            color: ColorChoice::Never,
            ..OutputSettings::default()
        };
        printed(settings, terminals, |printer| {
            printer.document(tables([table.clone()])).unwrap();
        })
        .0
    };
    assert!(on(None).contains(name) && on(Some(200)).contains(name));
    for width in [80, 60, 20, 1] {
        let text = on(Some(width));
        assert_eq!(text.lines().count(), 3, "no cell is wrapped: {text}");
        assert!(text.contains('…') && !text.contains(name), "{text}");
        assert!(
            text.contains("4711") && text.contains("a-host-with-a-very-long-name.example.org:5678"),
            "{text}"
        );
    }
    assert!(
        on(Some(80)).lines().all(|line| line.chars().count() <= 80),
        "{}",
        on(Some(80))
    );
}

#[test]
fn enormous_texts_and_empty_tables_are_printed() {
    let mut table = Table::new(&["name"]);
    table.row(vec![Cell::long("x".repeat(65_000))]);
    table.row(vec![Cell::long("y".repeat(100_000))]);
    let (out, _) = document_as(Format::Table, tables([table]));
    let widths: Vec<usize> = out.lines().map(|line| line.chars().count()).collect();
    // Wider than any table can be, so it must be cut.
    assert!(
        widths[..2] == [4, 65_000] && widths[2] > 65_000 && out.ends_with("…\n"),
        "{widths:?}"
    );
    let document = tables([Table::new(&["id", "name"])]);
    assert_eq!(document_as(Format::Table, document).0, "ID  NAME\n");
}

#[test]
fn each_stream_has_its_own_colours() {
    let settings = OutputSettings::default();
    let on_stdout = Terminals {
        stdout_width: Some(200),
        ..Terminals::default()
    };
    let (out, err) = printed(settings, on_stdout, |printer| {
        printer.document(masters()).unwrap();
    });
    assert!(
        out.starts_with("\u{1b}[1mMASTER") && out.contains("\u{1b}[31m10.0.0.12:5678"),
        "{out}"
    );
    assert!(
        !out.contains("\u{1b}[31m10.0.0.1:") && out.contains("a\\tb\\c\\n\\u{1b}[31m"),
        "{out}"
    );
    assert_eq!(err, "warning: clocks differ\n");
    let on_stderr = Terminals {
        stderr: true,
        ..Terminals::default()
    };
    let (out, err) = printed(settings, on_stderr, |printer| {
        printer.document(masters()).unwrap();
    });
    assert!(!out.contains('\u{1b}'));
    assert_eq!(err, "\u{1b}[33mwarning: \u{1b}[0mclocks differ\n");
}

#[test]
fn quiet_drops_chatter_alone() {
    for (quiet, expected) in [
        (true, "warning: w\nerror: e\n"),
        (
            false,
            "waiting for the lock\nremark\nwarning: w\nerror: e\n",
        ),
    ] {
        let settings = OutputSettings {
            quiet,
            ..OutputSettings::default()
        };
        let (_, err) = printed(settings, Terminals::default(), |printer| {
            printer.waiting("the lock");
            printer.waiting("the lock");
            printer.progress(1, 2, "instances");
            printer.remark("remark");
            printer.warning("w");
            printer.error(&ErrorBody::new("failure", "e", ExitCode::Failure));
        });
        assert_eq!(err, expected);
    }
}

#[test]
fn nothing_from_outside_reaches_stderr_raw() {
    let (_, err) = printed(OutputSettings::default(), Terminals::default(), |printer| {
        printer.warning("a\n\u{1b}[2J");
        printer.waiting("b\r\u{9b}");
    });
    assert_eq!(err, "warning: a\\n\\u{1b}[2J\nwaiting for b\\r\\u{9b}\n");
}

/// A stream that fails with this error.
struct Broken(io::ErrorKind);

impl io::Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

#[test]
fn a_reader_that_went_away_is_no_error_but_a_full_disk_is() {
    let print = |kind| {
        let (mut out, mut err) = (Broken(kind), Broken(kind));
        let mut printer = Printer::new(
            &mut out,
            &mut err,
            OutputSettings::default(),
            Terminals::default(),
        );
        (printer.document(refused_with_rows()), printer.text("x"))
    };
    assert!(matches!(print(io::ErrorKind::BrokenPipe), (Ok(()), Ok(()))));
    let (document, text) = print(io::ErrorKind::StorageFull);
    assert_eq!(
        (document.unwrap_err().kind(), text.unwrap_err().kind()),
        (io::ErrorKind::StorageFull, io::ErrorKind::StorageFull)
    );
}

fn refused_with_rows() -> Document {
    Document {
        error: refused().error,
        ..masters()
    }
}

#[test]
fn only_a_clear_yes_is_consent() {
    assert!(["y\n", "Y", "yes\r\n", " YES "].into_iter().all(understood));
    assert!(
        !["", "\n", "n", "no", "yep", "ja", "yy"]
            .into_iter()
            .any(understood)
    );
}

#[test]
fn without_a_terminal_there_is_no_question() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for terminals in [
        Terminals {
            stdin: true,
            ..Terminals::default()
        },
        Terminals {
            stderr: true,
            ..Terminals::default()
        },
    ] {
        let (_, err) = printed(OutputSettings::default(), terminals, |printer| {
            assert!(!printer.can_ask() && !runtime.block_on(printer.confirm("sure?")));
        });
        assert_eq!(err, "");
    }
}
