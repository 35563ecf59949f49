//! Which hosts may be asked.

use std::net::IpAddr;

/// A host, or the hosts below a name, at one port or at any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostRule {
    /// In lower case; for those below it, with the dot in front.
    name: String,
    is_below: bool,
    port: Option<u16>,
}

impl HostRule {
    /// All of them.
    pub(super) fn everyone() -> Self {
        Self { name: String::new(), is_below: true, port: None }
    }

    /// Reads `example.com`, `*.example.com`, `example.com:8080`, `10.0.0.7`, `[::1]:80`, or `*` for all.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no host; write one like \"example.com\", \"*.example.com\" or \"10.0.0.7:8080\""
            )
        };
        if text.parse::<std::net::Ipv6Addr>().is_ok() {
            return Ok(Self { name: text.to_ascii_lowercase(), is_below: false, port: None });
        }
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, Some(port.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        let (name, is_below) = match name.strip_prefix('*') {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let is_word = |part: &str| {
            !part.is_empty()
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
        };
        let is_name = name.strip_prefix('.').filter(|_| is_below).unwrap_or(name).split('.').all(is_word);
        let is_right = match (name, is_below) {
            ("", below) => below,
            (name, true) => is_name && name.starts_with('.'),
            (name, false) => is_name || name.parse::<IpAddr>().is_ok(),
        };
        if is_right { Ok(Self { name: name.to_ascii_lowercase(), is_below, port }) } else { Err(wrong()) }
    }

    pub(super) fn meets(&self, host: &str, port: u16) -> bool {
        let host = plain(host);
        let is_host = if self.is_below { host.ends_with(&self.name) } else { host == self.name };
        is_host && self.port.is_none_or(|own| own == port)
    }

    /// Whether it is exactly this address: who names one means it, wherever it is.
    pub(super) fn names(&self, address: IpAddr) -> bool {
        !self.is_below && self.name.parse::<IpAddr>().is_ok_and(|own| own == address)
    }
}

/// A host as rules have it: in lower case, without the brackets of an address and without the dot at the end.
pub(super) fn plain(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meets(rule: &str, host: &str, port: u16) -> bool {
        HostRule::read(rule).unwrap().meets(host, port)
    }

    #[test]
    fn rules_meet_what_they_say_and_nothing_like_it() {
        assert!(meets("example.com", "EXAMPLE.com.", 443));
        assert!(!meets("example.com", "www.example.com", 443));
        assert!(!meets("example.com", "example.com.evil.net", 443));
        assert!(meets("*.example.com", "a.b.example.com", 443));
        assert!(!meets("*.example.com", "evilexample.com", 443));
        assert!(!meets("*.example.com", "example.com", 443));
        assert!(meets("example.com:8080", "example.com", 8080));
        assert!(!meets("example.com:8080", "example.com", 80));
        assert!(meets("[::1]:80", "[::1]", 80));
        assert!(meets("::1", "::1", 1));
        assert!(meets("*", "anything", 1));
        for wrong in ["", "a b", "http://x", "*x.com", "x:y", "a..b", "x:99999", "x/y", "*."] {
            assert!(HostRule::read(wrong).is_err(), "{wrong}");
        }
    }
}
