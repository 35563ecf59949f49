//! The need of tests of the dashboard: a Chromium, which opens its pages, and a font, by which they are measured.

use crate::invocation::Invocation;
use crate::needs::Need;

const UPDATE: Invocation = Invocation::new("apt-get", &["update", "--quiet"]);
const INSTALL: Invocation = Invocation::new(
    "apt-get",
    &["install", "--quiet", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"],
);

/// A browser that shows pages without a window.
pub(crate) struct Chromium;

impl Need for Chromium {
    fn name(&self) -> &'static str {
        "Chromium"
    }

    fn check(&self) -> Result<String, String> {
        private_browser::find().ok_or_else(|| "it is missing".to_owned())?.version()
    }

    fn obtain(&self) -> Result<(), String> {
        println!("    running {UPDATE}, {INSTALL}");
        UPDATE.run()?;
        INSTALL.run()
    }

    fn remedy(&self) -> String {
        format!(
            "install it: {INSTALL} (or as your system does), or name one by {}",
            private_browser::VARIABLE
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_is_exact() {
        let remedy = Chromium.remedy();
        assert!(remedy.starts_with("install it: apt-get install "), "{remedy}");
        assert!(remedy.contains(" chromium fonts-dejavu-core "), "{remedy}");
        assert!(remedy.ends_with("or name one by WORKFLOW_TEST_CHROMIUM"), "{remedy}");
    }
}
