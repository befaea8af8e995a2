//! Metrics: what is counted, and the format.

use regex_lite::Regex;

use super::*;
use crate::model::Address;
use crate::watch::pause::Pause;
use crate::watch::state::Brake;
use crate::watch::{Fault, Refused, Switch, WatchedMaster};

fn value(metrics: &Metrics, sample: &str) -> Option<String> {
    let page = metrics.render();
    page.lines()
        .find_map(|line| Some(line.strip_prefix(sample)?.strip_prefix(' ')?.to_owned()))
}

#[track_caller]
fn expect(metrics: &Metrics, samples: &[(&str, &str)]) {
    for (sample, expected) in samples {
        assert_eq!(
            value(metrics, sample).as_deref(),
            Some(*expected),
            "{sample} in\n{}",
            metrics.render()
        );
    }
}

#[test]
fn before_anything_happened() {
    let metrics = Metrics::new();
    expect(
        &metrics,
        &[
            (
                concat!(
                    "dsctl_build_info{version=\"",
                    env!("CARGO_PKG_VERSION"),
                    "\"}"
                ),
                "1",
            ),
            ("dsctl_up{source=\"registry\"}", "0"),
            ("dsctl_up{source=\"database\"}", "0"),
            ("dsctl_last_run_timestamp_seconds", "0.000"),
            ("dsctl_last_success_timestamp_seconds", "0.000"),
            ("dsctl_failover_instances_total{outcome=\"recovered\"}", "0"),
            ("dsctl_failovers_total{outcome=\"failed\"}", "0"),
            ("dsctl_events_total{event=\"master_lost\"}", "0"),
            ("dsctl_paused", "0"),
            ("dsctl_storm_brake", "0"),
        ],
    );
    assert!(
        !metrics.render().contains("dsctl_masters"),
        "nothing is known of masters"
    );
}

fn round(millis: i64, saw: Result<Sight, String>) -> Round {
    let ended = Timestamp::from_millisecond(millis).unwrap();
    let answered = Source::ALL.map(|source| (source, true)).into();
    Round {
        ended,
        took: Duration::from_millis(250),
        endpoints: None,
        answered,
        paused: None,
        brake: None,
        saw,
    }
}

fn master(verdict: Verdict, unfinished: u64) -> WatchedMaster {
    WatchedMaster {
        address: "a:1".to_owned(),
        verdict,
        unfinished,
        guard: None,
    }
}

#[test]
fn rounds() {
    let mut metrics = Metrics::new();
    let masters = vec![
        master(Verdict::Alive, 0),
        master(Verdict::Alive, 0),
        master(Verdict::Dead, 7),
    ];
    let left = LeftAlone {
        orphans: 3,
        odd_hosts: 0,
        no_host: 4,
        recovery_failed: 0,
    };
    metrics.round(&round(
        1_717_200_000_042,
        Ok(Sight {
            masters,
            claimed: 9,
            left,
        }),
    ));
    let answered = [(Source::Registry, true), (Source::Database, false)].into();
    let took = Duration::from_secs(3);
    metrics.round(&Round {
        took,
        answered,
        ..round(1_717_200_005_000, Err("no answer".to_owned()))
    });
    expect(
        &metrics,
        &[
            ("dsctl_last_run_timestamp_seconds", "1717200005.000"),
            ("dsctl_last_success_timestamp_seconds", "1717200000.042"),
            ("dsctl_round_duration_seconds", "3"),
            ("dsctl_masters{verdict=\"alive\"}", "2"),
            ("dsctl_masters{verdict=\"dead\"}", "1"),
            ("dsctl_masters{verdict=\"unknown\"}", "0"),
            ("dsctl_unfinished_instances{verdict=\"dead\"}", "7"),
            ("dsctl_unfinished_instances{verdict=\"claimed\"}", "9"),
            ("dsctl_masters{verdict=\"claimed\"}", "0"),
            ("dsctl_up{source=\"registry\"}", "1"),
            ("dsctl_up{source=\"database\"}", "0"),
        ],
    );
}

fn summary(exit_code: ExitCode, recovered: usize, skipped: usize) -> Summary {
    let (elapsed_ms, locks) = (1, Vec::new());
    Summary {
        recovered,
        skipped,
        need_help: 0,
        dry_run: false,
        exit_code,
        elapsed_ms,
        locks,
    }
}

#[test]
fn events() {
    let mut metrics = Metrics::new();
    let master = || Address::seen("a:1");
    let finished = |summary| What::FailoverFinished {
        master: master(),
        summary,
    };
    metrics.record(&finished(summary(ExitCode::Done, 5, 0)));
    metrics.record(&finished(summary(ExitCode::Partial, 2, 1)));
    metrics.record(&finished(summary(ExitCode::Stopped, 0, 0)));
    metrics.record(&finished(Summary {
        dry_run: true,
        ..summary(ExitCode::Done, 100, 0)
    }));
    metrics.record(&finished(summary(ExitCode::Done, 0, 0)));
    metrics.record(&What::FailoverRefused(Refused::Nobody {
        why: String::new(),
    }));
    metrics.record(&What::Paused(Switch::Pause { by: None }));
    let why = String::new;
    metrics.record(&What::Error(Fault::Round {
        source: Some(Source::Registry),
        retry_after_seconds: 1.0,
        why: why(),
    }));
    let failed = |summary| {
        What::Error(Fault::Failover {
            master: master(),
            source: None,
            summary,
            why: why(),
        })
    };
    metrics.record(&failed(summary(ExitCode::Partial, 3, 0)));
    metrics.record(&failed(Summary {
        dry_run: true,
        ..summary(ExitCode::Unreachable, 100, 100)
    }));
    let check = |summary| {
        What::FailoverRefused(Refused::Check {
            master: master(),
            summary,
            why: why(),
            wrote: true,
        })
    };
    metrics.record(&check(summary(ExitCode::Refused, 4, 1)));
    metrics.record(&check(Summary {
        dry_run: true,
        ..summary(ExitCode::Refused, 100, 100)
    }));
    expect(
        &metrics,
        &[
            ("dsctl_failovers_total{outcome=\"done\"}", "2"),
            ("dsctl_failovers_total{outcome=\"partial\"}", "1"),
            ("dsctl_failovers_total{outcome=\"failed\"}", "3"),
            ("dsctl_failovers_total{outcome=\"refused\"}", "3"),
            ("dsctl_failovers_total{outcome=\"dry_run\"}", "1"),
            (
                "dsctl_failover_instances_total{outcome=\"recovered\"}",
                "14",
            ),
            ("dsctl_failover_instances_total{outcome=\"skipped\"}", "2"),
            ("dsctl_events_total{event=\"failover_finished\"}", "5"),
            ("dsctl_events_total{event=\"error\"}", "3"),
            ("dsctl_events_total{event=\"paused\"}", "1"),
        ],
    );
}

#[test]
fn pause_and_brake() {
    let mut metrics = Metrics::new();
    let paused = Some(Pause {
        by: "alice".to_owned(),
        reason: "work".to_owned(),
        since: None,
    });
    let brake = Some(Brake {
        since_ms: 0,
        reason: "2 masters".to_owned(),
    });
    metrics.round(&Round {
        paused,
        brake,
        ..round(1_000, Err("no answer".to_owned()))
    });
    expect(
        &metrics,
        &[("dsctl_paused", "1"), ("dsctl_storm_brake", "1")],
    );
    metrics.round(&round(2_000, Err("no answer".to_owned())));
    expect(
        &metrics,
        &[("dsctl_paused", "0"), ("dsctl_storm_brake", "0")],
    );
}

/// Prometheus' rules of the format: help and type come once, before the samples of a family.
#[test]
fn the_text_has_the_format() {
    let mut metrics = Metrics::new();
    metrics.round(&round(1_000, Ok(Sight::default())));
    let text = metrics.render();
    assert!(text.ends_with('\n') && !text.contains("\n\n"));
    let sample =
        Regex::new(r#"^(dsctl_[a-z_]+)(\{[a-z]+="[^"\\]+"\})? [0-9]+(\.[0-9]+)?$"#).unwrap();
    let mut families: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let name = help.split(' ').next().unwrap().to_owned();
            assert!(!families.contains(&name), "{name} twice");
            families.push(name);
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(families.last().unwrap(), name);
            assert_eq!(
                kind == "counter",
                name.ends_with("_total"),
                "{name} is a {kind}"
            );
        } else {
            let name = &sample.captures(line).unwrap_or_else(|| panic!("{line}"))[1];
            assert_eq!(families.last().unwrap(), name);
        }
    }
    assert_eq!(families.len(), 13);
}

#[test]
fn the_file_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dsctl.prom");
    let mut metrics = Metrics::new();
    metrics.write_file(&path).unwrap();
    metrics.round(&round(1_000, Ok(Sight::default())));
    metrics.write_file(&path).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), metrics.render());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    metrics
        .write_file(&folder.path().join("missing/dsctl.prom"))
        .unwrap_err();
}
