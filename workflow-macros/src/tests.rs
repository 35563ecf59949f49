//! What the macros expand to, and that nothing makes them panic.

mod expansion;
mod fuzz;

use proc_macro2::TokenStream;

const ANSWER: &str = r##"
    /// Answers a question with the cheapest model that can.
    #[timeout("5m")]
    pub workflow Answer(question: Question) -> Receipt {
        phase prepare {
            model = select_model(question.kind);
            facts = fetch_facts(question.text.clone());
        }
        phase call {
            #[retry(3)] #[timeout("30s")]
            reply = agents::ask_model(question, model, facts);
        }
        phase review {
            if reply.confidence < 0.8 {
                checked = human_review(reply);
            } else {
                checked = accept(reply);
                note = write_note(checked);
            }
        }
        receipt(note)
    }
"##;

const FORMS: &str = r##"
    workflow Forms(items: Vec<Item>, wait: Duration) -> Summary {
        phase one {
            #[concurrency(8)] #[optional]
            vectors = for item in items.iter().filter(|item| item.good).cloned() {
                cleaned = clean(item);
                #[or(embed_roughly)] embed(cleaned)
            };
            #[undo(refund)] #[after(pause)] charge = charge_card(items);
            pause = sleep("10m");
            sleep(*wait);
            #[timeout("1d")] approval = signal::<Approval>("approve");
            inner = Inner(items);
        }
        phase two {
            best = repeat draft = charge.draft.clone() while draft.score < 0.9 max 5 { improve(draft) };
            #[undo(take_back(best, charge.id))] #[on_failure(report)] sent = send(best);
        }
        Summary { best, sent: sent.clone(), approved: approval.by.len() > 3, inner, vectors }
    }
"##;

const AGENT: &str = r##"
    /// Asks a model.
    pub async fn ask_model(
        question: Question,
        ctx: &TaskContext,
        model: Model,
        db: State<Db>,
        browser: Pooled<Browser>,
        task_id: &str,
    ) -> Result<Reply, AgentError> {
        body(question, ctx, model)
    }
"##;

const AGENT_OPTIONS: &str = r##"
    name = "ask", timeout = "30s", retry(max = 3, first = "1s", factor = 10, cap = "1000s"), queue = "llm", priority = "high",
    concurrency = 4, rate = "10/s", heartbeat = "5s", version = 2, tags("a", "b"), role = "coder", on_success = seen,
    output_schema = r#"{"type": "object"}"#
"##;

fn tokens(source: &str) -> TokenStream {
    source.parse().unwrap()
}

fn agent(options: &str, function: &str) -> TokenStream {
    crate::agent::expand(tokens(options), tokens(function))
}

fn workflow(source: &str) -> TokenStream {
    crate::workflow::expand(tokens(source))
}

fn pretty(expanded: TokenStream) -> String {
    let file: syn::File = syn::parse2(expanded).unwrap_or_else(|error| panic!("{error}"));
    prettyplease::unparse(&file)
}
