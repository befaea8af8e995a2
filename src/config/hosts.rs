//! Several servers in one URL, separated by commas, and the words for them before `//` in JDBC's URLs.

use std::net::Ipv6Addr;
use std::ops::Range;

/// Nobody has more servers; each is a copy of the whole URL.
const MOST: usize = 16;

/// What the drivers of MySQL and MariaDB may be told about several servers. They are tried in their
/// order until one accepts writes, whichever of these is said.
const WAYS: [&str; 7] = [
    "loadbalance",
    "load-balance-read",
    "failover",
    "replication",
    "sequential",
    "aurora",
    "aws",
];

/// The URL without such a word: `mysql://…` for `mysql:replication://…`.
pub(super) fn without_way(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once(':')?;
    let (way, place) = rest.split_once(':')?;
    let is_known = WAYS.iter().any(|known| way.eq_ignore_ascii_case(known));
    (is_known && place.starts_with("//")).then(|| format!("{scheme}:{place}"))
}

/// The same URL for each of its servers alone; `None` if they are too many.
pub(super) fn each_alone(url: &str) -> Option<Vec<String>> {
    let hosts = hosts_of(url);
    let (before, after) = (&url[..hosts.start], &url[hosts.end..]);
    let words: Vec<&str> = url[hosts].split(',').collect();
    let alone = |host: &&str| format!("{before}{}{after}", host.trim());
    (words.len() <= MOST).then(|| words.iter().map(alone).collect())
}

/// Whether the server of a URL is an IPv6 address that lacks its brackets.
pub(super) fn lacks_brackets(url: &str) -> bool {
    url[hosts_of(url)].parse::<Ipv6Addr>().is_ok()
}

/// Whether another server stands before the last `@`, which would be taken for a part of the login.
pub(super) fn each_has_login(url: &str) -> bool {
    let (before, _) = url.split_at(hosts_of(url).start);
    let login = before.split_once("://").map_or("", |(_, login)| login);
    let first = login.strip_suffix('@').unwrap_or(login).split_once('@');
    first.is_some_and(|(_, more)| more.contains(','))
}

/// Where a URL has its servers: behind `//` and the login.
fn hosts_of(url: &str) -> Range<usize> {
    let start = url.find("://").map_or(url.len(), |place| place + 3);
    let length = url[start..].find(['/', '?', '#']);
    let end = length.map_or(url.len(), |length| start + length);
    let login = url[start..end].rfind('@').map_or(0, |place| place + 1);
    start + login..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_login_is_for_all() {
        for (url, each) in [
            ("a://u:p@h1,h2/d", false),
            ("a://u:p,q@h1,h2/d", false),
            ("a://u:p@q@h1,h2/d", false),
            ("a://h1,h2/d?x=a@b,c@d", false),
            ("a://u@h1,u@h2/d", true),
            ("a://u@h1:1,u:p@h2:2/d", true),
        ] {
            assert_eq!(each_has_login(url), each, "{url}");
        }
    }

    #[test]
    fn each_server_gets_a_url_of_its_own() {
        let alone = |url| each_alone(url).unwrap().join(" ");
        assert_eq!(alone("a://u:p@h/d?x=1,2"), "a://u:p@h/d?x=1,2");
        assert_eq!(
            alone("a://u:p,q@h1:1,[::1]:2, h3/d"),
            "a://u:p,q@h1:1/d a://u:p,q@[::1]:2/d a://u:p,q@h3/d"
        );
        assert_eq!(alone("a://h1,/d"), "a://h1/d a:///d");
        assert_eq!(alone("a:x,y"), "a:x,y");
        assert_eq!(each_alone(&format!("a://h{}/d", ",h".repeat(MOST))), None);
    }

    #[test]
    fn ways_are_left_out() {
        let plain = |url| without_way(url);
        assert_eq!(
            plain("mysql:replication://a,b/d").as_deref(),
            Some("mysql://a,b/d")
        );
        assert_eq!(
            plain("mariadb:Load-Balance-Read://a/d").as_deref(),
            Some("mariadb://a/d")
        );
        assert_eq!(plain("mysql://a/d"), None);
        assert_eq!(plain("mysql:other://a/d"), None);
        assert_eq!(plain("mysql:loadbalance:a"), None);
    }

    #[test]
    fn brackets_are_missing() {
        assert!(lacks_brackets("a://u@::1/d") && lacks_brackets("a://fe80::1?x"));
        assert!(!lacks_brackets("a://u@[::1]/d") && !lacks_brackets("a://h:1/d"));
    }
}
