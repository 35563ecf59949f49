//! Keys, as the protocol names them.

use serde_json::{Value as Json, json};

/// Held while another key or the mouse is pressed.
pub const CONTROL: u32 = 2;
/// Held while another key or the mouse is pressed.
pub const SHIFT: u32 = 8;

/// What is sent when a key goes down and when it comes up: one that has a name, or the letter that it writes.
pub(super) fn pressed(key: &str, held: u32) -> [Json; 2] {
    let (code, number, text) = match key {
        "Enter" => ("Enter", 13, "\r"),
        "Tab" => ("Tab", 9, ""),
        "Escape" => ("Escape", 27, ""),
        "Space" => ("Space", 32, " "),
        "Delete" => ("Delete", 46, ""),
        "ArrowUp" => ("ArrowUp", 38, ""),
        "ArrowDown" => ("ArrowDown", 40, ""),
        letter => {
            assert_eq!(letter.chars().count(), 1, "{letter} is a key of which nothing is known");
            ("", u32::from(letter.to_ascii_uppercase().as_bytes()[0]), letter)
        }
    };
    let key = if key == "Space" { " " } else { key };
    let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
    let told = |kind: &str, text: &str| {
        let mut told = json!({
            "type": kind, "key": key, "code": code, "modifiers": held,
            "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number,
        });
        if !text.is_empty() {
            told["text"] = json!(text);
        }
        told
    };
    [told(down, text), told("keyUp", "")]
}
