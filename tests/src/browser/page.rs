//! One page: what is seen on it, and what a person does with it.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::keys::pressed;
use super::trouble::Troubles;
use super::wire::Wire;

/// What the waiting in a page is made of. `until` looks at each frame whether something is so, for half a minute at most: a
/// machine that is busy is slow, and what is so is seen at once.
const LOOKING: &str = r"
const seen = (element) => element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0;
const words = (one) => (one.matches('input, textarea') ? one.value : one.innerText ?? one.textContent);
const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
const until = (look) => new Promise((done, fail) => {
  const end = performance.now() + 30000;
  const again = () => {
    let is = null;
    try { is = look(); } catch (error) { return fail(error); }
    if (is) return done(is);
    if (performance.now() > end) return fail(new Error('it was not to be seen'));
    requestAnimationFrame(again);
  };
  again();
});
";

/// Waits until an element stands still, can be reached, and is not disabled; gives its middle.
const PLACE: &str = r"
let last = '';
return until(() => {
  const element = all(selector)[0];
  if (!element || element.disabled) return null;
  element.scrollIntoView({ block: 'nearest', inline: 'nearest', behavior: 'instant' });
  const box = element.getBoundingClientRect();
  const x = Math.min(Math.max(box.x, 0) + 400, (Math.max(box.x, 0) + Math.min(box.right, innerWidth)) / 2);
  const y = (Math.max(box.y, 0) + Math.min(box.bottom, innerHeight)) / 2;
  const hit = document.elementFromPoint(x, y);
  const place = JSON.stringify([x, y]);
  const still = place === last;
  last = place;
  return still && hit && (element.contains(hit) || hit.closest('label')?.control === element) && [x, y];
});
";

/// A page. When it is dropped, whatever went wrong on it fails the test: errors in the console, exceptions, answers that
/// are errors, requests to others, what the policy forbids.
#[derive(Debug)]
pub struct Page {
    wire: Arc<Wire>,
    session: String,
    troubles: Arc<Troubles>,
}

impl Page {
    pub(super) fn new(wire: Arc<Wire>, session: String) -> Self {
        let troubles = Arc::new(Troubles::default());
        wire.watch(&session, Arc::clone(&troubles));
        let page = Self { wire, session, troubles };
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        page.look(false, 1280, 900);
        page
    }

    fn call(&self, method: &str, parameters: &Json) -> Json {
        self.wire.call(Some(&self.session), method, parameters)
    }

    /// Goes to an address.
    ///
    /// # Panics
    /// When nobody answers there.
    pub fn open(&self, address: &str) {
        let origin = address.split('/').take(3).collect::<Vec<_>>().join("/");
        self.troubles.may_ask(&format!("{origin}/"));
        let went = self.call("Page.navigate", &json!({ "url": address }));
        assert_eq!(went["errorText"], Json::Null, "{address}");
    }

    /// Loads it again.
    pub fn reload(&self) {
        self.eval("window.isOld = true");
        self.call("Page.reload", &json!({}));
        self.until("it is loaded again", "!window.isOld");
    }

    /// In dark colours or light ones, in a window of this size.
    pub fn look(&self, dark: bool, width: u32, height: u32) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Something will go wrong in whose words this is; the test fails if it does not.
    pub fn expect(&self, words: &str) {
        self.troubles.expect(words);
    }

    /// The value of an expression in the page; of a promise, what comes of it.
    ///
    /// # Panics
    /// When it throws.
    pub fn eval(&self, expression: &str) -> Json {
        self.body(&format!("return {expression};"), "")
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Holds back what the page asks for from now on whose address has these words, until [`release`](Self::release).
    pub fn hold(&self, words: &str) {
        self.eval(&format!(
            "(() => {{ const ask = window.fetch; window.held = []; \
             const open = new Promise((release) => (window.release = release)); \
             window.fetch = async (...asked) => {{ \
               if (`${{asked[0]}}`.includes({})) {{ window.held.push(`${{asked[0]}}`); await open; }} \
               return ask(...asked); }}; }})()",
            json!(words)
        ));
    }

    /// Waits until so much is held back.
    ///
    /// # Panics
    /// When it is not in half a minute.
    pub fn holds(&self, count: usize) {
        self.until("it is asked for", &format!("window.held.length === {count}"));
    }

    /// Lets what was held back pass, and all that follows.
    pub fn release(&self) {
        self.eval("(window.release(), true)");
    }

    fn body(&self, body: &str, selector: &str) -> Result<Json, String> {
        let selector = json!(selector);
        let expression = format!("(async () => {{ {LOOKING} const selector = {selector}; {body} }})()");
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        loop {
            match self.wire.ask(Some(&self.session), "Runtime.evaluate", &asked) {
                Ok(mut said) => {
                    let thrown = &said["exceptionDetails"];
                    if thrown.is_null() {
                        return Ok(said["result"]["value"].take());
                    }
                    let words = thrown["exception"]["description"].as_str().or(thrown["text"].as_str());
                    return Err(words.unwrap_or_default().to_owned());
                }
                // The page was left meanwhile: it is asked of the next one.
                Err(error) if error.contains("context") || error.contains("navigated") => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What stands on the page, for who must know why something does not.
    fn shown(&self) -> String {
        let text = self.body("return location.href + '\\n' + document.body.innerText.slice(0, 3000);", "");
        format!(
            "{}\ntroubles: {:?}",
            text.unwrap_or_default().as_str().unwrap_or_default(),
            self.troubles.unexpected()
        )
    }

    fn or_show(&self, what: &str, got: Result<Json, String>) -> Json {
        got.unwrap_or_else(|error| panic!("{what}: {error}\non {}", self.shown()))
    }

    /// Waits until an expression is true, and gives it. `all(selector)` are the elements that are seen.
    ///
    /// # Panics
    /// When it does not become so in half a minute; says what is there instead.
    pub fn until(&self, what: &str, expression: &str) -> Json {
        self.or_show(what, self.body(&format!("return until(() => ({expression}));"), ""))
    }

    /// Waits until an element is seen.
    ///
    /// # Panics
    /// When it is not in half a minute.
    pub fn see(&self, selector: &str) {
        self.or_show(selector, self.body("return until(() => all(selector).length > 0);", selector));
    }

    /// Waits until an element is seen in which this text is.
    ///
    /// # Panics
    /// When it is not in half a minute.
    pub fn see_text(&self, selector: &str, text: &str) {
        let body =
            format!("return until(() => all(selector).some((one) => words(one).includes({})));", json!(text));
        self.or_show(&format!("{selector} with {text:?}"), self.body(&body, selector));
    }

    /// Waits until no such element is seen.
    ///
    /// # Panics
    /// When one is still seen after half a minute.
    pub fn gone(&self, selector: &str) {
        let got = self.body("return until(() => all(selector).length === 0);", selector);
        self.or_show(&format!("no {selector}"), got);
    }

    /// How many such elements are seen now.
    pub fn count(&self, selector: &str) -> usize {
        let count = self.or_show(selector, self.body("return all(selector).length;", selector));
        count.as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or_default()
    }

    /// The texts of such elements that are seen now.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        let texts = self.or_show(selector, self.body("return all(selector).map(words);", selector));
        serde_json::from_value(texts).unwrap_or_default()
    }

    /// Presses the mouse in the middle of the first such element.
    ///
    /// # Panics
    /// When there is none that can be reached.
    pub fn click(&self, selector: &str) {
        self.click_holding(selector, 0);
    }

    /// The same, while keys are held.
    ///
    /// # Panics
    /// As [`click`](Self::click).
    pub fn click_holding(&self, selector: &str, held: u32) {
        let place = self.or_show(&format!("{selector} to press"), self.body(PLACE, selector));
        let (x, y) = (&place[0], &place[1]);
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let button = if kind == "mouseMoved" { "none" } else { "left" };
            let event =
                json!({ "type": kind, "x": x, "y": y, "button": button, "clickCount": 1, "modifiers": held });
            self.call("Input.dispatchMouseEvent", &event);
        }
    }

    /// Writes into a field, in the place of what is in it.
    ///
    /// # Panics
    /// When there is no such field.
    pub fn fill(&self, selector: &str, text: &str) {
        self.click(selector);
        self.until(selector, &format!("document.activeElement === all({})[0]", json!(selector)));
        self.eval("document.activeElement.select()");
        if text.is_empty() {
            self.press("Delete");
        } else {
            self.call("Input.insertText", &json!({ "text": text }));
        }
    }

    /// Chooses in a list, of which a browser without a window opens none, what has this text.
    ///
    /// # Panics
    /// When there is no such choice.
    pub fn choose(&self, selector: &str, text: &str) {
        self.see(selector);
        let body = format!(
            "const list = all(selector)[0]; list.focus();
             const option = [...list.options].find((one) => one.text.startsWith({}));
             list.value = option.value;
             for (const kind of ['input', 'change']) list.dispatchEvent(new Event(kind, {{ bubbles: true }}));",
            json!(text)
        );
        self.or_show(&format!("{text} of {selector}"), self.body(&body, selector));
    }

    /// Presses a key.
    pub fn press(&self, key: &str) {
        self.press_holding(key, 0);
    }

    /// The same, while others are held.
    pub fn press_holding(&self, key: &str, held: u32) {
        for event in pressed(key, held) {
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// The roles of what one can act on that has no name for those who hear the page.
    pub fn nameless(&self) -> Vec<String> {
        const ACTED_ON: &[&str] = &[
            "button",
            "checkbox",
            "combobox",
            "link",
            "listbox",
            "menuitem",
            "option",
            "radio",
            "searchbox",
            "slider",
            "spinbutton",
            "switch",
            "tab",
            "textbox",
        ];
        let tree = self.call("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let is_nameless = |node: &&Json| {
            node["ignored"] == false
                && node["role"]["value"].as_str().is_some_and(|role| ACTED_ON.contains(&role))
                && node["name"]["value"].as_str().is_none_or(|name| name.trim().is_empty())
        };
        let told = |node: &Json| {
            let node = json!({ "backendNodeId": node["backendDOMNodeId"] });
            self.call("DOM.getOuterHTML", &node)["outerHTML"].as_str().unwrap_or_default().to_owned()
        };
        nodes.iter().filter(is_nameless).map(told).collect()
    }

    /// Keeps a picture of what is seen.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn picture(&self, file: &Path) {
        let picture = self.call("Page.captureScreenshot", &json!({ "format": "png" }));
        let text = picture["data"].as_str().expect("there is a picture");
        std::fs::write(file, from_base64(text)).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // What was told before the answer to this is noted.
        self.call("Runtime.evaluate", &json!({ "expression": "1" }));
        let troubles = self.troubles.unexpected();
        assert!(troubles.is_empty(), "{}", troubles.join("\n"));
    }
}

/// Bytes that are written in letters.
fn from_base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|letter| *letter != b'=').map(value).collect();
    let four = |four: &[u8]| {
        let all = four.iter().fold(0u32, |all, six| all << 6 | u32::from(*six)) << (6 * (4 - four.len()));
        let bytes = all.to_be_bytes();
        bytes[1..four.len()].to_vec()
    };
    letters.chunks(4).flat_map(four).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_bytes() {
        for (text, bytes) in [("", ""), ("YQ==", "a"), ("YWI=", "ab"), ("YWJj", "abc"), ("YWJjZA==", "abcd")]
        {
            assert_eq!(from_base64(text), bytes.as_bytes());
        }
        assert_eq!(from_base64("+/8="), [0xfb, 0xff]);
    }
}
