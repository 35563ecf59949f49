//! Workflows as people use them. Open a workflow's page to see its picture, and an agent's to see what it takes.

pub mod answer;
pub mod approval;
pub mod classic;
pub mod ingest;
pub mod nightly;
pub mod order;
pub mod report;
pub mod research;
