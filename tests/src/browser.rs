//! Pages in a browser: what a person sees of them and does with them, by the DevTools protocol.

mod keys;
mod page;
mod trouble;
mod wire;

use std::sync::Arc;

use serde_json::json;

pub use keys::{CONTROL, SHIFT};
pub use page::Page;
pub use trouble::Trouble;
use wire::Wire;

/// A browser that ends when it is dropped.
#[derive(Debug)]
pub struct Browser {
    wire: Arc<Wire>,
    _process: private_browser::Browser,
}

impl Browser {
    /// Starts one.
    ///
    /// # Panics
    /// When there is none to be had; says what to install.
    pub fn start() -> Self {
        let process = private_browser::Browser::start().unwrap_or_else(|why| panic!("{why}"));
        let wire = Wire::open(process.address());
        Self { wire, _process: process }
    }

    /// An empty page of somebody whom no site knows yet.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn page(&self) -> Page {
        let context = self.wire.call(None, "Target.createBrowserContext", &json!({}));
        let target = json!({ "url": "about:blank", "browserContextId": context["browserContextId"] });
        let target = self.wire.call(None, "Target.createTarget", &target);
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.wire.call(None, "Target.attachToTarget", &attach);
        let session = session["sessionId"].as_str().expect("it has a name").to_owned();
        Page::new(Arc::clone(&self.wire), session)
    }
}
