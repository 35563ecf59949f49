//! Workflows as people use them. Open a workflow's page to see its picture, and an agent's to see what it takes.

pub mod answer;
pub mod classic;
pub mod ingest;
pub mod order;
pub mod report;
