//! The dashboard's files, which are in the program.

use axum::extract::{OriginalUri, Path};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::trouble::Trouble;

const INDEX: &str = include_str!("page/index.html");

/// Files of the page, each with its name.
macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("page/", $name)))),+]
    };
}

/// All of them but the page itself.
const FILES: &[(&str, &str)] = files![
    "actions.js",
    "api.js",
    "audit.js",
    "bulk.js",
    "catalogue.js",
    "chart.js",
    "connection.js",
    "dead.js",
    "dialog.js",
    "dom.js",
    "editor.js",
    "failure.js",
    "filters.js",
    "form.js",
    "form_scalar.js",
    "format.js",
    "graph.js",
    "job.js",
    "job_model.js",
    "jobs.js",
    "json_text.js",
    "keys.js",
    "list.js",
    "live.js",
    "login.js",
    "main.js",
    "markdown.js",
    "nodes.js",
    "picture.js",
    "progress.js",
    "queues.js",
    "records.js",
    "route.js",
    "schedules.js",
    "schema.js",
    "schema_view.js",
    "session.js",
    "start.js",
    "states.js",
    "step_view.js",
    "steps.js",
    "style.css",
    "table.js",
    "theme.js",
    "timeline.js",
    "value.js",
];

/// Nothing but the page's own files is run or loaded, and no other page frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The page. Its links begin where it stands: a router that is nested is asked for its root without a slash only.
pub(super) async fn index(OriginalUri(asked): OriginalUri) -> Response {
    if !asked.path().ends_with("/") && !asked.path().ends_with("/index.html") {
        let last = asked.path().rsplit('/').next().unwrap_or_default();
        if let Ok(place) = HeaderValue::try_from(format!("{last}/index.html")) {
            return (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response();
        }
    }
    file("text/html; charset=utf-8", INDEX)
}

pub(super) async fn part(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(own, _)| *own == name) {
        Some((own, text)) if own.ends_with(".css") => file("text/css; charset=utf-8", text),
        Some((_, text)) => file("text/javascript; charset=utf-8", text),
        None => Trouble::unknown(format_args!("file `{name}`")).into_response(),
    }
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response()
}

/// What is not there.
pub(super) async fn nothing(OriginalUri(asked): OriginalUri) -> Response {
    Trouble::unknown(format_args!("page `{}`", asked.path())).into_response()
}

/// Says to browsers what they may do with an answer.
pub(super) async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let said: [(HeaderName, &'static str); 5] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in said {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_in_the_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/page");
        let names =
            std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != "index.html").collect();
        names.sort();
        assert_eq!(FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
    }
}
