//! Which program's configuration a file is, by its path.

/// A name that only one program uses, and the program.
const NAMES: &[(&str, &str)] = &[
    ("mcp.json", "MCP client"),
    (".mcp.json", "MCP client"),
    ("mcp-config.json", "MCP client"),
    ("mcp_config.json", "MCP client"),
    ("mcp-servers.json", "MCP client"),
    ("mcp_servers.json", "MCP client"),
    ("claude_desktop_config.json", "Claude Desktop"),
    (".claude.json", "Claude Code"),
    ("cline_mcp_settings.json", "Cline"),
    ("mcp_settings.json", "Roo Code"),
    ("librechat.yaml", "LibreChat"),
    ("librechat.yml", "LibreChat"),
    ("opencode.json", "OpenCode"),
    ("opencode.jsonc", "OpenCode"),
    ("OAI_CONFIG_LIST", "AutoGen"),
    ("OAI_CONFIG_LIST.json", "AutoGen"),
    ("langgraph.json", "LangGraph"),
    ("fastagent.config.yaml", "fast-agent"),
    ("fastagent.secrets.yaml", "fast-agent"),
    ("mcp_agent.config.yaml", "mcp-agent"),
    ("mcp_agent.secrets.yaml", "mcp-agent"),
    ("litellm_config.yaml", "LiteLLM"),
    ("litellm.config.yaml", "LiteLLM"),
    (".aider.conf.yml", "aider"),
];

/// The end of a path, and the program. Editors' settings hold much besides.
const ENDS: &[(&str, &str)] = &[
    ("/.claude/settings.json", "Claude Code"),
    ("/.claude/settings.local.json", "Claude Code"),
    ("/.claude/.credentials.json", "Claude Code"),
    ("/.codex/auth.json", "Codex"),
    ("/.codex/config.toml", "Codex"),
    ("/.gemini/settings.json", "Gemini CLI"),
    ("/.gemini/oauth_creds.json", "Gemini CLI"),
    ("/.qwen/settings.json", "Qwen Code"),
    ("/goose/config.yaml", "Goose"),
    ("/goose/secrets.yaml", "Goose"),
    ("/opencode/auth.json", "OpenCode"),
    ("/opencode/config.json", "OpenCode"),
    ("/.continue/config.json", "Continue"),
    ("/.continue/config.yaml", "Continue"),
    ("/crush/crush.json", "Crush"),
    ("/.crush.json", "Crush"),
    ("/.vscode/settings.json", "editor VS Code"),
    ("/Code/User/settings.json", "editor VS Code"),
    ("/Cursor/User/settings.json", "editor Cursor"),
    ("/zed/settings.json", "editor Zed"),
    ("/.zed/settings.json", "editor Zed"),
    ("/Windsurf/User/settings.json", "editor Windsurf"),
    ("/Kiro/User/settings.json", "editor Kiro"),
    ("/.cursor/cli-config.json", "Cursor"),
    ("/.cursor/cli.json", "Cursor"),
    ("/.cursor/permissions.json", "Cursor"),
    ("/.continue/permissions.yaml", "Continue"),
    ("/config/agents.yaml", "CrewAI"),
];

/// A part of a path, what it ends in, and the program.
const PARTS: &[(&str, &str, &str)] = &[
    ("/.cursor/", "/mcp.json", "Cursor"),
    ("/.vscode/", "/mcp.json", "VS Code"),
    ("/Code/User/", "/mcp.json", "VS Code"),
    ("/.roo/", "/mcp.json", "Roo Code"),
    ("/.junie/", "/mcp.json", "Junie"),
    ("/.kiro/", "/mcp.json", "Kiro"),
    ("/.aws/amazonq/", ".json", "Amazon Q"),
    ("/.amazonq/", ".json", "Amazon Q"),
    ("/.lmstudio/", "/mcp.json", "LM Studio"),
    ("/.copilot/", "/mcp-config.json", "Copilot CLI"),
    ("/windsurf/", "/mcp_config.json", "Windsurf"),
    ("/.continue/mcpServers/", ".yaml", "Continue"),
    ("/.continue/mcpServers/", ".json", "Continue"),
];

/// The program whose configuration lies at `path`; an editor's begins with `editor`.
pub(super) fn of(path: &str, name: &str) -> Option<&'static str> {
    let part = PARTS
        .iter()
        .find(|(part, end, _)| path.ends_with(end) && path.contains(part));
    let end = ENDS.iter().find(|(end, _)| path.ends_with(end));
    let named = NAMES.iter().find(|(known, _)| *known == name);
    part.map(|(_, _, program)| *program)
        .or(end.or(named).map(|(_, program)| *program))
}
