//! What all have in common that ask over the web.

mod later;
mod tls;

pub(crate) use later::failure;
pub(crate) use tls::tls;
