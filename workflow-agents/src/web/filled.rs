//! Texts with variables of the environment in them.

/// A text in which each `${NAME}` is the variable of that name. What is wrong is told without what it holds.
pub(crate) fn filled(text: &str) -> Result<String, String> {
    let mut parts = text.split("${");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) =
            part.split_once('}').ok_or("a secret has `${` without `}`; write it like `${NAME}`")?;
        let value = std::env::var(name)
            .map_err(|_| format!("the variable `{name}` is not set; set it for this process"))?;
        whole.push_str(value.trim());
        whole.push_str(rest);
    }
    Ok(whole)
}
