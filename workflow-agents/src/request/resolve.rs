//! Names become addresses, of which only those are taken that the role may ask.

use std::io;
use std::net::{IpAddr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::policy::{Permit, Refused};

/// Looks names up for one role. What it gives is what is connected to: nobody looks a name up a second time.
#[derive(Debug)]
pub(super) struct Resolver {
    pub(super) permit: Permit,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let permit = self.permit.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let allowed = allowed(&permit, &host, found.map(|address| address.ip()))?;
            Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// Of a host's addresses those that may be asked.
///
/// # Errors
/// When there are none, why not.
fn allowed(
    permit: &Permit,
    host: &str,
    found: impl Iterator<Item = IpAddr>,
) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
    let mut refused: Option<Refused> = None;
    let mut allowed = Vec::new();
    for address in found {
        match permit.address(host, address) {
            Ok(()) => allowed.push(address),
            Err(why) => refused = Some(why),
        }
    }
    match (allowed.is_empty(), refused) {
        (false, _) => Ok(allowed),
        (true, Some(refused)) => Err(Box::new(refused)),
        (true, None) => Err(Box::new(io::Error::other(format!("`{host}` has no address")))),
    }
}

/// The refusal that an error comes from, if it comes from one.
pub(super) fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<Refused> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return Some(refused.clone());
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Policy, Role};

    #[test]
    fn a_name_that_changes_where_it_leads_leads_nowhere_else() {
        let role = Role::new().tool("http").host("*.example.com").expect("it is a host");
        let permit = Policy::new().role("coder", role).permit(Some("coder"), "http").expect("it may");
        let addresses =
            |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpAddr>>();
        let ask = |texts: &[&str]| allowed(&permit, "a.example.com", addresses(texts).into_iter());
        assert_eq!(ask(&["93.184.216.34", "127.0.0.1"]).unwrap(), addresses(&["93.184.216.34"]));
        for private in ["127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "::1"] {
            let told = ask(&[private]).expect_err("it is refused").to_string();
            assert!(told.contains("role.coder.private") && told.contains("a.example.com"), "{told}");
        }
        assert!(ask(&[]).expect_err("there is none").to_string().contains("has no address"));
    }
}
