//! Markdown as rustdoc shows it.

/// Inline code, whatever the text holds.
pub(crate) fn code(text: &str) -> String {
    let ticks = if text.contains('`') { "``" } else { "`" };
    format!("{ticks}{text}{ticks}")
}

/// Inline code inside a table, where a bar would end the cell.
pub(crate) fn cell_code(text: &str) -> String {
    code(&text.replace('|', "\\|"))
}

/// JSON in a fold that is closed until it is clicked.
pub(crate) fn fold_json(title: &str, json: &str) -> String {
    let pretty = serde_json::from_str::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned());
    format!("<details><summary>{title}</summary>\n\n```json\n{pretty}\n```\n\n</details>")
}
