# The interpreter and the libraries of the three images that are in use, and a browser to look with.
# How to build and run it: bench/ui.md, "In the container". No part of the stack itself.
FROM lectern-streamlit:latest
USER root
RUN apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
COPY --from=lectern-gradio:latest /opt/venv /packages/gradio_ui
COPY --from=lectern-gateway:latest /venv /packages/gateway
RUN ln -s /venv /packages/streamlit_ui && python -m pip install --no-cache-dir playwright
ENV PYTHONPATH= HOME=/root PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=/root/.cache/python
WORKDIR /src
ENTRYPOINT ["python", "bench/ui.py", "--python", "/packages/{service}/bin/python"]
