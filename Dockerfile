FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/clacks-events
COPY . .
RUN /opt/clacks-events/bin/pip install --no-cache-dir .

FROM python:3.13-slim
RUN useradd --system --no-create-home clacks
COPY --from=build /opt/clacks-events /opt/clacks-events
ENV PATH=/opt/clacks-events/bin:$PATH PYTHONUNBUFFERED=1
USER clacks
ENTRYPOINT ["clacks-events"]
CMD ["--help"]
