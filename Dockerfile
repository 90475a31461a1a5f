# The program and its page, with the models inside; it needs no network and no rights.
#   docker build -t molmeta .
#   docker run --rm -p 127.0.0.1:8765:8765 -e MOLMETA_TOKEN=a-token-of-yours molmeta
#   docker run --rm -v "$PWD:/data" molmeta predict --support measured.csv --input library.csv -o ranked.csv
FROM python:3.11-slim AS build
COPY . /source
# Set it to the index of PyTorch's CPU builds, else pip fetches several gigabytes of CUDA packages.
ARG TORCH_INDEX=""
RUN python -m venv /opt/molmeta \
 && /opt/molmeta/bin/pip install --no-cache-dir ${TORCH_INDEX:+--index-url $TORCH_INDEX} torch==2.13.0 \
 && /opt/molmeta/bin/pip install --no-cache-dir '/source[web]'

FROM python:3.11-slim
# What RDKit's drawings link to; Debian keeps no old versions, so none are pinned.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libxrender1 libxext6 libexpat1 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 molmeta && mkdir /data && chown molmeta /data
COPY --from=build /opt/molmeta /opt/molmeta
ENV PATH=/opt/molmeta/bin:$PATH PYTHONUNBUFFERED=1
USER 10001
WORKDIR /data
EXPOSE 8765
ENTRYPOINT ["molmeta"]
CMD ["serve", "--host", "0.0.0.0"]
