"""The handhold command."""
