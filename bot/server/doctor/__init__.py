"""`ai-ready doctor`: what is so, what isn't, and how to mend it. It only reads."""
