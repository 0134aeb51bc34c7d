"""What answers of the HTTP API look like, a type for each: what OpenAPI says, and what tests hold answers to.

Types of mappings, not models: answers are mappings already, and nothing is made anew of one to be sent. They
become schemas when somebody asks for the OpenAPI document (`airunway.web.documented`), not before.

common        refusals and plain sentences     state        settings and health
deployments   deployments and their pods       providers    providers and installing them
capacity      GPUs, Gateways, autoscaler       models       the catalogue, the hub, images
tokens        tokens and signing in            advice       advice, recipes and costs
"""
