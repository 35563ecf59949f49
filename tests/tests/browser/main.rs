//! The dashboard, in a Chromium: what people see and do, with a real mouse and real keys.
//!
//! Whatever goes wrong on a page by itself fails its test, too: see `workflow_tests::browser`. Pictures of all pages are
//! left in `browser` below Cargo's folder for temporary files.

mod acting;
mod hostile;
mod keyboard;
mod many;
mod pages;
mod people;
mod story;
mod world;
