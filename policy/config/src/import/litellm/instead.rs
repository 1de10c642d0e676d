//! What does the same here as a setting of LiteLLM's, if anything does.

/// What to do instead of the field `name`, in whatever table it stands.
pub(super) fn instead(name: &str) -> &'static str {
    match name {
        "routing_strategy" | "routing_strategy_args" | "weight" | "order" => {
            "requests go where there is the most room"
        }
        "allowed_fails" | "allowed_fails_policy" | "cooldown_time" | "disable_cooldowns" => {
            "breakers learn from answers when to ask a key again"
        }
        "timeout" | "request_timeout" | "stream_timeout" => "see [gateway.timeouts]",
        "max_retries" | "retry_policy" | "retry_after" | "model_group_retry_policy" => {
            "see [retry]"
        }
        "redis_host" | "redis_port" | "redis_password" | "redis_url" => {
            "gateways share limits and budgets through a Redis: see [gateway.shared.redis]"
        }
        "default_litellm_params" => {
            "is read in router_settings; here it is what <<: *anchor takes from it"
        }
        "drop_params" | "modify_params" => "requests are passed byte for byte",
        "success_callback" | "failure_callback" | "callbacks" => "see the access log and /metrics",
        "cache" | "cache_params" => "there is no response cache",
        "max_budget"
        | "budget_duration"
        | "provider_budget_config"
        | "soft_budget"
        | "max_user_budget"
        | "max_end_user_budget"
        | "default_max_internal_user_budget"
        | "default_internal_user_params"
        | "budget_limits" => {
            "see [[tenant.budget]] and [[tenant_group.budget]]: usd = N, per = \"day\", \"week\" or \
             \"month\""
        }
        "max_parallel_requests"
        | "global_max_parallel_requests"
        | "default_max_parallel_requests" => {
            "see concurrency = N of [[tenant.limit]] and [[tenant_group.limit]]"
        }
        "default_team_settings" | "default_internal_user" | "team_id" => {
            "see [[tenant]] and [[tenant_group]]"
        }
        "tag_regex" | "tags" | "enable_tag_filtering" => "see accounts of [[tenant]]",
        "organization" => "an account is known by its key",
        "api_version" => "Azure's v1 API needs none",
        "base_model" => "prices go by the name that is asked for: see [[price]]",
        "mode" | "max_tokens" | "max_input_tokens" | "max_output_tokens" => "the provider knows it",
        "id" | "db_model" | "created_at" | "updated_at" => "is LiteLLM's own",
        "include" => "other files are not read: put what stands in them into this one",
        "environment_variables" => "set them in the environment of the gateway",
        _ => "nothing here is like it",
    }
}
