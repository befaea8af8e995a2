//! The unit file with which systemd runs a watcher.

use std::fmt::Write;
use std::path::Path;

use crate::exit_code::ExitCode;

/// The unit file for a program at this place, which is started with these words.
#[must_use]
pub fn unit(program: &Path, words: &[String]) -> String {
    let program = quoted(&program.to_string_lossy());
    // A dollar sign has a meaning behind the program alone.
    let words = words.iter().fold(String::new(), |before, word| {
        before + " " + &quoted(word).replace('$', "$$")
    });
    let (usage, refused) = (ExitCode::Usage.number(), ExitCode::Refused.number());
    format!(
        "\
# Printed by `dsctl watch --print-unit`. To install it:
#   dsctl watch --print-unit > /etc/systemd/system/dsctl-watch.service
#   systemctl daemon-reload && systemctl enable --now dsctl-watch
# Registry and database are set in /etc/dsctl/config.toml, which every user may read: it must not contain a password.

[Unit]
Description=Master failover for Apache DolphinScheduler
Wants=network-online.target
After=network-online.target

[Service]
Type=notify
NotifyAccess=main
ExecStart={program}{words}
ExecReload=/bin/kill -HUP $MAINPID
# It is ready once registry and database have answered, however long that takes.
TimeoutStartSec=infinity
# SIGTERM: the current batch is finished and the lock is released. Hooks are ended by the watcher.
KillMode=mixed
TimeoutStopSec=90s
# Notified by every round and every batch: it ends only a loop that hangs. It must be longer than one batch
# takes, and than --statement-timeout (5 minutes), after which a silent database is reported.
WatchdogSec=10min
Restart=on-failure
RestartSec=5s
# A wrong configuration and a refusal need an operator, not another try.
RestartPreventExitStatus={usage} {refused}

# Remove the line of a secret that does not exist: the service does not start without it.
LoadCredential=dsctl-db-password:/etc/dsctl/db-password
#LoadCredential=dsctl-zk-digest:/etc/dsctl/zk-digest
#LoadCredential=dsctl-zk-sasl:/etc/dsctl/zk-sasl
#LoadCredential=dsctl-zk-tls-key:/etc/dsctl/zk-tls-key
#Environment=DSCTL_ZK_TLS_KEY=%d/dsctl-zk-tls-key

# The state file and the pause switch are in /var/lib/dsctl.
DynamicUser=yes
StateDirectory=dsctl
StateDirectoryMode=0700

# Hooks run within these limits too.
ProtectSystem=strict
# For --metrics-file, a folder that the service may write to:
#ReadWritePaths=/var/lib/prometheus/node-exporter
ProtectHome=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
"
    )
}

/// A text as one word of `ExecStart=`, where `%` and quotes have a meaning. Plain ones stay as they
/// are.
fn quoted(text: &str) -> String {
    if !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+'))
    {
        return text.to_owned();
    }
    let mut keyword = String::from("\"");
    for c in text.chars() {
        match c {
            '%' => keyword.push_str("%%"),
            '"' | '\\' => keyword.extend(['\\', c]),
            c if c.is_control() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    // Writing to a string cannot fail.
                    let _ = write!(keyword, "\\x{byte:02x}");
                }
            }
            c => keyword.push(c),
        }
    }
    keyword.push('"');
    keyword
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_unit_has_what_the_loop_counts_on() {
        let words = ["watch", "--grace", "5m", "--hook", "/a b/$x 5%", "--yes"];
        let unit = unit(Path::new("/usr/local/bin/dsctl"), &words.map(str::to_owned));
        let lines = [
            "Type=notify",
            "ExecStart=/usr/local/bin/dsctl watch --grace 5m --hook \"/a b/$$x 5%%\" --yes",
            "ExecReload=/bin/kill -HUP $MAINPID",
            "Restart=on-failure",
            "RestartPreventExitStatus=2 4",
            "DynamicUser=yes",
            "StateDirectory=dsctl",
            "ProtectSystem=strict",
            "LoadCredential=dsctl-db-password:/etc/dsctl/db-password",
            "WantedBy=multi-user.target",
        ];
        for line in lines {
            assert!(unit.lines().any(|of_unit| of_unit == line), "{line}");
        }
        assert!(unit.lines().any(|line| line.starts_with("WatchdogSec=")));
    }

    #[test]
    fn odd_paths_are_quoted() {
        assert_eq!(
            quoted("/opt/ds ctl/50%/a\"b\\c"),
            "\"/opt/ds ctl/50%%/a\\\"b\\\\c\""
        );
        assert_eq!(
            quoted("/a\nExecStartPre=/bin/x"),
            "\"/a\\x0aExecStartPre=/bin/x\""
        );
    }

    proptest! {
        #[test]
        fn no_path_adds_a_line(path in any::<String>()) {
            let lines = |text: &str| unit(Path::new(text), &[text.to_owned()]).lines().count();
            prop_assert_eq!(lines(&path), lines("/dsctl"));
        }
    }
}
