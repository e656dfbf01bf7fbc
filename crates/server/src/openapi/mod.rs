//! `GET /openapi.json`: our routes, for programs that read such descriptions.
//!
//! It is made of the one table of routes, so that who may ask is never told twice, and of a table of words beside it
//! (`words`). The commands of `/rpc` come from the one command list; their types are in `ui/src/lib/host/bindings.ts`.

mod words;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, PathItemBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, Object, OpenApi, OpenApiBuilder,
    PathsBuilder, Required, ResponseBuilder,
};

use self::words::{WORDS, Words};
use crate::guard::{Rule, Scope};
use crate::reply;
use crate::routes::{ROUTES, Route};
use crate::state::ServerState;

const COMMANDS_PATH: &str = "/rpc/{command}";
const ABOUT: &str = "TorrServer's API for its clients, and Freshet's own for its pages. On this computer nothing is asked; from \
    the local network the password, with any user name. A device's token in front of a path (/t/TOKEN/stream) stands for it where \
    something is played. Requests of foreign pages are refused.";

pub(crate) async fn get(State(_): State<ServerState>) -> Response {
    reply::go_json(&description())
}

fn description() -> OpenApi {
    let mut paths = PathsBuilder::new();
    for route in ROUTES.iter().filter(|route| route.path != COMMANDS_PATH) {
        let mut item = PathItemBuilder::new();
        for words in WORDS.iter().filter(|words| words.path == route.path) {
            for method in words.methods {
                item = item.operation(method_of(method), operation(route, words, method));
            }
        }
        paths = paths.path(openapi_path(route.path), item.build());
    }
    for (command, _) in freshet_app::COMMANDS {
        let item = PathItemBuilder::new().operation(HttpMethod::Post, command_operation(command)).build();
        paths = paths.path(format!("/rpc/{command}"), item);
    }
    let password = SecurityScheme::Http(Http::new(HttpAuthScheme::Basic));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Freshet")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .build(),
        )
        .paths(paths.build())
        .components(Some(ComponentsBuilder::new().security_scheme("password", password).build()))
        .build()
}

/// axum's catch-all is an ordinary parameter there.
fn openapi_path(path: &str) -> String {
    path.replace("{*", "{")
}

fn method_of(name: &str) -> HttpMethod {
    match name {
        "head" => HttpMethod::Head,
        "post" => HttpMethod::Post,
        _ => HttpMethod::Get,
    }
}

fn operation(route: &Route, words: &Words, method: &str) -> OperationBuilder {
    let mut operation = OperationBuilder::new().summary(Some(words.summary));
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let parameter = ParameterBuilder::new()
            .name(name.trim_start_matches('*'))
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(text_schema()));
        operation = operation.parameter(parameter);
    }
    for known in words.query {
        let parameter = ParameterBuilder::new()
            .name(known.name)
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some(known.meaning))
            .schema(Some(text_schema()));
        operation = operation.parameter(parameter);
    }
    if let Some(media_type) = words.body {
        let content = ContentBuilder::new().schema(Some(Object::new())).build();
        operation =
            operation.request_body(Some(RequestBodyBuilder::new().content(media_type, content).build()));
    }
    for (status, media_type) in words.answers {
        let mut answer = ResponseBuilder::new().description(meaning(*status));
        if !media_type.is_empty() && method != "head" {
            answer = answer.content(*media_type, ContentBuilder::new().build());
        }
        operation = operation.response(status.to_string(), answer.build());
    }
    guarded(operation, route.rule, route.scope)
}

/// What the guard says before any handler is asked.
fn guarded(mut operation: OperationBuilder, rule: Rule, scope: Scope) -> OperationBuilder {
    let mut answers = vec![403, 418];
    if scope != Scope::Open {
        // On this computer none is needed.
        operation = operation
            .security(SecurityRequirement::new("password", Vec::<String>::new()))
            .security(SecurityRequirement::default());
        answers.extend([401, 429]);
    }
    let is_told = !matches!(rule, Rule::Clients | Rule::Page);
    for status in answers {
        let mut answer = ResponseBuilder::new().description(meaning(status));
        if is_told && status != 418 {
            answer = answer.content("application/json", ContentBuilder::new().build());
        }
        operation = operation.response(status.to_string(), answer.build());
    }
    operation
}

fn command_operation(command: &str) -> OperationBuilder {
    let header = ParameterBuilder::new()
        .name("x-freshet")
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .schema(Some(text_schema()))
        .example(Some(json!("1")));
    let content = || ContentBuilder::new().schema(Some(Object::new())).build();
    let mut operation = OperationBuilder::new()
        .summary(Some(format!("The command {command} of our own pages")))
        .parameter(header)
        .request_body(Some(RequestBodyBuilder::new().content("application/json", content()).build()));
    for status in [200, 400, 404, 409, 422, 500, 503, 504, 507] {
        let answer = ResponseBuilder::new()
            .description(if status == 200 { "Done" } else { "{code, message}" })
            .content("application/json", ContentBuilder::new().build());
        operation = operation.response(status.to_string(), answer.build());
    }
    guarded(operation, Rule::Command, Scope::Library)
}

fn text_schema() -> Object {
    let mut object = Object::new();
    object.schema_type = utoipa::openapi::schema::Type::String.into();
    object
}

fn meaning(status: u16) -> &'static str {
    match status {
        200 => "Done",
        204 => "The end",
        206 => "A part of the bytes",
        301 => "Elsewhere",
        304 => "Not modified",
        400 => "What was asked makes no sense",
        401 => "The password is missing or wrong",
        403 => "Not for this caller",
        404 => "Unknown",
        405 => "Read-only",
        410 => "Another run has taken its place",
        412 => "It is another file",
        413 => "Too large",
        416 => "Outside of the file",
        418 => "Not for this address",
        429 => "Too many wrong passwords came from this address",
        502 => "The conversion has failed",
        503 => "Busy, or ending",
        _ => "It went wrong here",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::to_value(description()).unwrap()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let described: BTreeSet<&str> = WORDS.iter().map(|words| words.path).collect();
        let routes: BTreeSet<&str> =
            ROUTES.iter().map(|route| route.path).filter(|path| *path != COMMANDS_PATH).collect();
        assert_eq!(described, routes);

        let document = document();
        let paths: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
        let commands = freshet_app::COMMANDS.iter().map(|(command, _)| format!("/rpc/{command}"));
        assert_eq!(paths, routes.iter().map(|path| openapi_path(path)).chain(commands).collect());
    }

    #[test]
    fn who_may_ask_is_what_the_table_of_routes_says() {
        let document = document();
        for route in ROUTES.iter().filter(|route| route.path != COMMANDS_PATH) {
            for (method, operation) in document["paths"][openapi_path(route.path)].as_object().unwrap() {
                let wants_password = operation.get("security").is_some();
                assert_eq!(wants_password, route.scope != Scope::Open, "{method} {}", route.path);
                assert!(operation["responses"].get("403").is_some());
            }
        }
        assert_eq!(document["paths"]["/rpc/torrent_add"]["post"]["parameters"][0]["name"], "x-freshet");
        assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    }
}
