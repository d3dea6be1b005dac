"""How the engine sees a handler: found, wrapped, redirected, called."""
