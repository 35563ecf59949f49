//! Names of images, in full.

/// The longest name that a registry has.
const LONGEST: usize = 255;

/// The name of an image in full, as engines take it: `docker.io/library/rust:latest` for `rust`. Where it has both a tag and a
/// digest, the digest alone, for that is what counts. None where it is no name.
pub(super) fn full(name: &str) -> Option<String> {
    let (rest, digest) = match name.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (name, None),
    };
    let (place, tag) = match rest.rsplit_once(':') {
        Some((place, tag)) if !tag.contains('/') => (place, Some(tag)),
        _ => (rest, None),
    };
    let (registry, path) = registry(place);
    let is_right = is_registry(registry)
        && path.split('/').all(is_part)
        && !is_id(place)
        && tag.is_none_or(is_tag)
        && digest.is_none_or(is_digest);
    let library = if registry == HUB && !path.contains('/') { "library/" } else { "" };
    let end = digest.map_or_else(|| format!(":{}", tag.unwrap_or("latest")), |digest| format!("@{digest}"));
    let whole = format!("{registry}/{library}{path}");
    (is_right && whole.len() <= LONGEST).then(|| whole + &end)
}

/// Why no image is as a pattern has it, and what to write.
pub(super) fn misses(pattern: &str) -> Option<String> {
    let (first, rest) = pattern.split_once('/').map_or((pattern, None), |(first, rest)| (first, Some(rest)));
    let has_registry = first.contains('*') || rest.is_some() && is_host(first);
    if rest.is_none() && first.contains(['*', '.']) && !first.starts_with('*') || !has_registry {
        let library = if rest.is_none() { "library/" } else { "" };
        return Some(format!("`{pattern}` has no registry; write `{HUB}/{library}{pattern}`"));
    }
    let last = pattern.rsplit('/').next().unwrap_or(pattern);
    (!last.contains([':', '@', '*'])).then(|| {
        format!(
            "`{pattern}` has no tag; write `{pattern}:latest`, or `{pattern}:*` for any but by its digest"
        )
    })
}

/// Where images are that name no registry.
const HUB: &str = "docker.io";

fn registry(place: &str) -> (&str, &str) {
    match place.split_once('/') {
        Some(("index.docker.io", path)) => (HUB, path),
        Some((first, path)) if is_host(first) => (first, path),
        _ => (HUB, place),
    }
}

/// Whether the first part of a name is a host, and not the first part of a path.
fn is_host(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

fn is_registry(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let is_word = |word: &str| {
        let is_meant = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !word.is_empty() && word.bytes().all(is_meant) && !word.starts_with('-') && !word.ends_with('-')
    };
    host.split('.').all(is_word) && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

/// Words of small letters and digits with a `.`, up to two `_` or any number of `-` between them.
fn is_part(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    let is_between = |between: &str| {
        matches!(between, "" | "." | "_" | "__") || between.chars().all(|letter| letter == '-')
    };
    text.starts_with(is_letter) && text.ends_with(is_letter) && text.split(is_letter).all(is_between)
}

fn is_tag(text: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_letter = |letter: char| is_word(letter) || matches!(letter, '.' | '-');
    text.starts_with(is_word) && text.chars().all(is_letter) && text.len() <= 128
}

fn is_digest(text: &str) -> bool {
    let is_number = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match text.split_once(':') {
        Some(("sha256", number)) => number.len() == 64 && is_number(number),
        Some(("sha512", number)) => number.len() == 128 && is_number(number),
        _ => false,
    }
}

/// Whether an engine would take it for the number of an image, and not for a name.
fn is_id(place: &str) -> bool {
    place.len() == 64 && place.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_in_full() {
        let digest = format!("sha256:{}", "a1".repeat(32));
        for (name, in_full) in [
            ("rust", "docker.io/library/rust:latest"),
            ("rust:1.95", "docker.io/library/rust:1.95"),
            ("docker.io/rust", "docker.io/library/rust:latest"),
            ("index.docker.io/rust", "docker.io/library/rust:latest"),
            ("docker.io/library/rust:1.95", "docker.io/library/rust:1.95"),
            ("some/thing__of-1.x", "docker.io/some/thing__of-1.x:latest"),
            ("localhost/x", "localhost/x:latest"),
            ("localhost:5000/x/y:Z_1.-", "localhost:5000/x/y:Z_1.-"),
            ("host:5000", "docker.io/library/host:5000"),
            ("ghcr.io/a/b/c", "ghcr.io/a/b/c:latest"),
            ("10.0.0.7:80/x", "10.0.0.7:80/x:latest"),
        ] {
            assert_eq!(full(name).as_deref(), Some(in_full), "{name}");
            assert_eq!(full(in_full).as_deref(), Some(in_full));
        }
        let by_digest = Some(format!("docker.io/library/rust@{digest}"));
        assert_eq!(full(&format!("rust@{digest}")), by_digest);
        assert_eq!(full(&format!("rust:1.95@{digest}")), by_digest, "the tag means nothing beside it");
    }

    #[test]
    fn what_is_no_name_is_none() {
        let long = "a".repeat(300);
        let number = "ab".repeat(32);
        let digest = format!("rust@sha256:{}", "A1".repeat(32));
        for wrong in [
            "",
            " ",
            "Rust",
            "docker.io/Library/rust",
            "GHCR.io/x",
            "rust:",
            "rust:-1",
            "rust:1/2:",
            "rust@",
            "rust@sha256:12",
            "rust@md5:12",
            "/rust",
            "rust/",
            "a//b",
            "../rust",
            "docker.io/../rust",
            "docker.io/a/../../containers",
            "rust?x=1",
            "rust#x",
            "rust%2f",
            "rust\n",
            "rust\0",
            "rüst",
            "-rust",
            "a___b",
            "a..b",
            "a._b",
            "http://docker.io/rust",
            "docker.io:99999/rust",
            "docker.io:/rust",
            "[::1]:80/x",
            "rust:*",
            "*",
            &long,
            &number,
            &digest,
        ] {
            assert_eq!(full(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn patterns_that_no_name_is_like_are_told() {
        for (pattern, cure) in [
            ("rust:*", "write `docker.io/library/rust:*`"),
            ("rust", "write `docker.io/library/rust`"),
            ("rust*", "write `docker.io/library/rust*`"),
            ("rust:1.95", "write `docker.io/library/rust:1.95`"),
            ("some/thing:1", "write `docker.io/some/thing:1`"),
            ("docker.io/library/rust", "write `docker.io/library/rust:latest`"),
        ] {
            let told = misses(pattern).unwrap_or_default();
            assert!(told.contains(cure), "{pattern}: {told}");
        }
        for right in
            ["*", "*/rust:*", "docker.io/*", "localhost:5000/x:1", "docker.io/library/rust*", "*.io/x@*"]
        {
            assert_eq!(misses(right), None, "{right}");
        }
    }
}
