//! Doc comments as text.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The words of the doc comments among some attributes.
pub(crate) fn description(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(line).collect();
    let lines: Vec<&str> = lines.iter().flat_map(|line| line.split('\n')).collect();
    let indent = lines
        .iter()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let dedented: Vec<&str> = lines.iter().map(|line| line.get(indent..).unwrap_or("").trim_end()).collect();
    dedented.join("\n").trim().to_owned()
}

fn line(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    match &meta.value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if meta.path.is_ident("doc") => Some(text.value()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::description;

    #[test]
    fn comments_lose_their_common_indent_and_nothing_else() {
        let item: syn::ItemStruct = syn::parse_quote! {
            #[doc = " First line."]
            #[doc = ""]
            #[doc = "   indented"]
            #[doc = " last "]
            struct X;
        };
        assert_eq!(description(&item.attrs), "First line.\n\n  indented\nlast");
    }
}
