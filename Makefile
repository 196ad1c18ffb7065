# One word per task; a bare `make` lists them. The work is done by the package launch/.
PYTHON ?= python3
LAUNCH = $(PYTHON) -m launch
# Only what is written after `make key`: some systems have a NAME in every shell's environment.
key: export KEY_NAME = $(if $(filter command,$(origin NAME)),$(NAME))

.DEFAULT_GOAL := help
.PHONY: help demo streamlit gradio gateway down status logs key demo-key lectern test check pictures lock

help demo streamlit gradio gateway down status logs demo-key lock:
	@$(LAUNCH) $@

key:
	@$(LAUNCH) key "$$KEY_NAME"

lectern test check pictures:
	@$(LAUNCH) $@ $(ARGS)
