//! The description for programs, made of the table of endpoints: OpenAPI 3.1.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value as Json, json};

use super::access::Role;
use super::endpoint::{Endpoint, Form, Method};
use super::trouble::Told;

/// The document.
pub(super) fn document(endpoints: &[Endpoint], program: &str, version: &str) -> Json {
    let mut settings = SchemaSettings::draft2020_12();
    "/components/schemas".clone_into(settings.definitions_path.to_mut());
    let mut generator = settings.into_generator();
    let trouble = generator.subschema_for::<Told>();
    let mut paths = Map::new();
    for endpoint in endpoints {
        let given = (endpoint.given)(&mut generator).to_value();
        let answer = (endpoint.answer)(&mut generator).to_value();
        let schema = match endpoint.form {
            Form::Json => answer,
            Form::Svg | Form::Events | Form::Text => json!({ "type": "string" }),
        };
        let mut operation = json!({
            "summary": endpoint.about,
            "operationId": operation_id(endpoint),
            "parameters": parameters(endpoint, &given),
            "responses": {
                endpoint.status.as_str(): {
                    "description": "what was asked for",
                    "content": { endpoint.form.media_type(): { "schema": schema } },
                },
                "default": {
                    "description": "why not",
                    "content": { "application/json": { "schema": trouble } },
                },
            },
        });
        if endpoint.method == Method::Post {
            operation["requestBody"] = json!({
                "required": true,
                "content": { "application/json": { "schema": body(endpoint, &given) } },
            });
        }
        match endpoint.role {
            None => operation["security"] = json!([]),
            Some(role) => {
                operation["x-role"] = json!(match role {
                    Role::Reader => "reader",
                    Role::Operator => "operator",
                })
            }
        }
        paths.entry(endpoint.path).or_insert_with(|| json!({}))[method(endpoint)] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": program, "version": version },
        "servers": [{ "url": ".." }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{ "token": [] }],
    })
}

fn method(endpoint: &Endpoint) -> &'static str {
    match endpoint.method {
        Method::Get => "get",
        Method::Post => "post",
    }
}

/// A name for it in programs: `post_jobs_id_cancel`.
fn operation_id(endpoint: &Endpoint) -> String {
    let words = endpoint.path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty() && *word != "api");
    std::iter::once(method(endpoint)).chain(words).collect::<Vec<_>>().join("_")
}

fn is_in_path(endpoint: &Endpoint, name: &str) -> bool {
    endpoint.path.contains(&format!("{{{name}}}"))
}

fn required(schema: &Json) -> impl Iterator<Item = &str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str)
}

/// What stands in the path and behind the `?`.
fn parameters(endpoint: &Endpoint, given: &Json) -> Vec<Json> {
    let properties = given["properties"].as_object().into_iter().flatten();
    let parameters = properties.filter_map(|(name, schema)| {
        let place = match (is_in_path(endpoint, name), endpoint.method) {
            (true, _) => "path",
            (false, Method::Get) => "query",
            (false, Method::Post) => return None,
        };
        let is_required = place == "path" || required(given).any(|own| own == name);
        Some(json!({ "name": name, "in": place, "required": is_required, "schema": schema }))
    });
    parameters.collect()
}

/// What is sent: all that stands in no path.
fn body(endpoint: &Endpoint, given: &Json) -> Json {
    let mut body = given.clone();
    if let Some(properties) = body["properties"].as_object_mut() {
        properties.retain(|name, _| !is_in_path(endpoint, name));
    }
    let required: Vec<&str> = required(given).filter(|name| !is_in_path(endpoint, name)).collect();
    body["required"] = json!(required);
    body
}
