//! When to ask again.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use workflow_runtime::AgentError;

/// The longest that somebody is let make us wait.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What to do about a status that is not as it should be: to ask again, when the server says so, or never.
pub(crate) fn failure(status: StatusCode, headers: &HeaderMap, told: String) -> AgentError {
    let may_pass = status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
        || matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS
        );
    match (may_pass, after(headers, SystemTime::now())) {
        (false, _) => AgentError::permanent(told),
        (true, Some(time)) => AgentError::retry_after(time, told),
        (true, None) => AgentError::retry(told),
    }
}

/// How long the server wants to be left alone: in seconds, or until a date.
fn after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let time = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(time.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<u64> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        after(&headers, now).map(|time| time.as_secs())
    }

    #[test]
    fn seconds_and_dates_are_understood_and_nonsense_is_not() {
        assert_eq!(told("120"), Some(120));
        assert_eq!(told("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(told("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(told("99999999999"), Some(24 * 3600));
        assert_eq!(told("-1"), None);
        assert_eq!(told("soon"), None);
    }
}
