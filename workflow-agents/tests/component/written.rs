//! Components, written by hand.

/// A component that imports the host, with a memory of one page, an allocator, and this as the body of its `run`: it has the input as
/// `$at` and `$length`, and gives a result by `$give`.
pub(crate) fn running(body: &str) -> String {
    whole("", body)
}

/// The same, with more fields of the module.
pub(crate) fn whole(fields: &str, body: &str) -> String {
    COMPONENT.replace("FIELDS", fields).replace("BODY", body)
}

/// Gives back its input.
pub(crate) fn echo() -> String {
    running("(call $give (i32.const 0) (local.get $at) (local.get $length))")
}

/// Gives these bytes as they are, as what went well or not.
pub(crate) fn saying(bytes: &[u8], is_well: bool) -> String {
    let written: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let (kind, length) = (i32::from(!is_well), bytes.len());
    whole(
        &format!("(data (i32.const 512) \"{written}\")"),
        &format!("(call $give (i32.const {kind}) (i32.const 512) (i32.const {length}))"),
    )
}

const COMPONENT: &str = r#"
(component
    (import "workflow:agent/host" (instance $host
        (export "log" (func (param "line" string)))
        (export "progress" (func (param "fraction" f64) (param "message" string)))))
    (core module $libc
        (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 1024))
        (func (export "realloc") (param $old i32) (param $before i32) (param $align i32) (param $size i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and
                (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                (i32.sub (i32.const 0) (local.get $align))))
            (global.set $next (i32.add (local.get $at) (local.get $size)))
            (if (i32.gt_u (global.get $next) (i32.mul (memory.size) (i32.const 65536)))
                (then (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1)
                        (i32.div_u (i32.sub (global.get $next) (i32.mul (memory.size) (i32.const 65536))) (i32.const 65536)))))
                    (then (unreachable)))))
            (local.get $at)))
    (core instance $libc (instantiate $libc))
    (core func $log (canon lower (func $host "log") (memory $libc "memory") (realloc (func $libc "realloc"))))
    (core func $progress (canon lower (func $host "progress") (memory $libc "memory") (realloc (func $libc "realloc"))))
    (core module $agent
        (import "libc" "memory" (memory 1))
        (import "host" "log" (func $log (param i32 i32)))
        (import "host" "progress" (func $progress (param f64 i32 i32)))
        (func $give (param $kind i32) (param $at i32) (param $length i32) (result i32)
            (i32.store8 (i32.const 16) (local.get $kind))
            (i32.store (i32.const 20) (local.get $at))
            (i32.store (i32.const 24) (local.get $length))
            (i32.const 16))
        FIELDS
        (func (export "run") (param $at i32) (param $length i32) (result i32)
            (local $place i32)
            BODY))
    (core instance $agent (instantiate $agent
        (with "libc" (instance $libc))
        (with "host" (instance (export "log" (func $log)) (export "progress" (func $progress))))))
    (func (export "run") (param "input" string) (result (result string (error string)))
        (canon lift (core func $agent "run") (memory $libc "memory") (realloc (func $libc "realloc")))))
"#;
