//! Agents and workflows as tools of the Model Context Protocol: by its official client in Python, over both of its transports and in
//! both of its ages; and by hand, where it is refused.

mod official;
mod refused;

/// The program whose agents are tools.
const TOOLBOX: &str = env!("CARGO_BIN_EXE_toolbox");
